"""What training records: a row per pass over a split, and the result of a run."""

from dataclasses import dataclass, field
from typing import Any


@dataclass
class EpochRow:
    """A line of metrics.jsonl: one pass over one split. Errors are fractions."""

    step: int
    """Updates made so far."""
    epoch: int
    """Counted from 1."""
    split: str
    """train (running mean over the epoch), train_eval (clean pass), val."""
    loss: float
    """Mean cross-entropy, nats; without label smoothing, in every split."""
    top1_err: float
    """Fraction of images whose label is not the best prediction."""
    top5_err: float | None
    """Fraction of images whose label is not among the best five predictions; null with five classes
    or fewer.
    """
    lr: float
    """Learning rate of the first parameter group in the last update."""
    images_per_s: float
    """Images per second in this pass."""
    time: float
    """Seconds since the run began, over all its sessions and without the pauses between them."""
    peak_memory_bytes: int | None = None
    """Most memory in use, by the process that writes the row. On a GPU: allocated by torch during
    this pass, on the fullest GPU of the process. On the CPU: resident in the process since it
    started. Null if it cannot be measured, and in files from before it was recorded.
    """


QUANTILES = (0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99)
"""Which quantiles of a layer's weights are recorded after each epoch."""


@dataclass
class UnitsRow:
    """A line of units.jsonl: the units and the weights of a net after an epoch."""

    step: int
    """Updates made so far."""
    epoch: int
    """Counted from 1."""
    images: int
    """Number of validation images that dead units were determined on."""
    dead: dict[str, float]
    """By layer, the fraction of channels (units of an fc layer) that were zero for every image and
    at every position. The class scores are left out, and so is a net without rectifiers.
    """
    weights: dict[str, list[float]]
    """By layer, the QUANTILES of its weights, or of 4,093 evenly spaced ones of them."""


@dataclass
class TrainResult:
    """The outcome of `alexcli train`."""

    directory: str
    """The run directory."""
    result: dict[str, Any]
    """The content of result.json; empty in processes other than the main one."""
    skipped: bool
    """Whether the run had been finished before."""
    without_effect: list[str] = field(default_factory=list)
    """For a skipped run, the settings of what a run records that it was not trained with, such as
    `trainer.train_eval=true`.
    """
