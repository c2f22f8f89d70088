"""Keys of a study, a file of conf/ablation: what is compared with what, and what is claimed."""

from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from alexcli.schema.ranges import MISSING, ranged

MOST_SEEDS = 1_000
"""A study of more would not end."""
MOST_POINTS = 50
"""A half-width of more would say nothing of an error."""
MOST_JOBS = 1_000
"""Trainings at a time; far above what a machine has cores for."""


class Metric(Enum):
    """What a study compares. Errors are fractions."""

    top1_err = "top1_err"
    """Top-1 error on the validation set."""
    top5_err = "top5_err"
    """Top-5 error on the validation set."""
    train_err = "train_err"
    """Running top-1 error over the last training epoch, as the 2012 code measured it."""
    epochs = "epochs"
    """Epochs until that error falls to `threshold`; compared as a ratio (Figure 1)."""


@dataclass
class ArmSpec:
    """What an arm of a study changes, and the difference to the baseline that is claimed for it."""

    change: dict[str, Any] = field(default_factory=dict)
    """Dotted key -> value. `x0.5` multiplies the baseline's value; in the name of a layer, [1-4]
    and * are as in a shell; `pool?` in a list stands where the baseline's list has `pool`.
    """
    views: int | None = None
    """1 or 10: the baseline's own nets, evaluated with that many views; nothing is trained."""
    ensemble: int = ranged(0, low=0)
    """Number of the baseline's nets that are averaged, those of seed 0 on, then the next ones; each
    average is compared with the mean of its nets. Nothing is trained.
    """
    paper: dict[Metric, Any] = field(default_factory=dict)
    """The paper's claim: arm minus baseline (a fraction), their ratio (for `epochs`), or `higher`
    or `lower` where the paper gives no number.
    """
    notes: dict[Metric, Any] = field(default_factory=dict)
    """The same from the authors' lab notes."""
    margin: float | None = ranged(None, above=0)
    """For this arm alone what `margin` of the study is."""


@dataclass
class MechanismSpec:
    """A setting on embedded images in which the mechanism behind a study's claim can show."""

    why: str = MISSING
    """Why the effect can show there, written down before it was measured."""
    keys: dict[str, Any] = field(default_factory=dict)
    """Dotted key -> value that all runs of the study have there."""


@dataclass
class StudySpec:
    """A study: a baseline and the arms that are compared with it."""

    claim: str = MISSING
    """Where the paper or the lab notes say so, and what a reader of the comparison must know."""
    metric: Metric = Metric.top1_err
    """What the verdict is about."""
    threshold: float = ranged(0.25, above=0, below=1)
    """For the metric `epochs`: the training error, a fraction, that must be reached."""
    margin: float | None = ranged(None, above=0)
    """Differences up to this count as none: a fraction, or a factor above 1 for `epochs`. null
    takes half of the effect that is claimed; without either nothing counts as equivalent.
    """
    precision: float | None = ranged(None, above=0)
    """Half-width that `--seeds auto` aims at: a fraction; for `epochs` of the ratio. null takes
    `--precision`, and a tenth of the ratio.
    """
    mechanism: MechanismSpec | None = None
    """The setting of `--setting mechanism`, which is taken unless another one is chosen."""
    needs: dict[str, Any] = field(default_factory=dict)
    """Dotted key -> value that the baseline must have for the study to make sense; of several in
    a list, any.
    """
    same_map_sizes: bool = False
    """Whether the arms' feature maps must have the sizes of the baseline's: the nearest
    input is taken for which they have.
    """
    alternatives: bool = False
    """Whether the arms are alternatives, one of which may be the baseline itself: that arm is left
    out then, and not refused.
    """
    baseline: dict[str, Any] = field(default_factory=dict)
    """Dotted key -> value that the study changes for all its runs."""
    source: dict[str, Any] = field(default_factory=dict)
    """Dotted key -> value that a run changes which is trained first; the arms start from its
    weights.
    """
    arms: dict[str, ArmSpec] = field(default_factory=dict)
    """Name of an arm -> what it changes."""
