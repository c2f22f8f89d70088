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
    """Top-1 error on the training images: by passes of their own if the runs made them
    (trainer.train_eval), otherwise running over the last epoch, as in the 2012 code."""
    epochs = "epochs"
    """Epochs until that error falls to `threshold`; compared as a ratio (Figure 1)."""


@dataclass
class ArmSpec:
    """What an arm of a study changes, and the difference to the baseline that is claimed for it."""

    change: dict[str, Any] = field(default_factory=dict)
    """Dotted key -> value. `x0.5` multiplies the baseline's value; in the name of a layer, [1-4]
    and * work as in a shell; `pool?` in a list stands for `pool` if the baseline's list has it, and
    is left out otherwise.
    """
    views: int | None = None
    """1 or 10: the baseline's own nets, evaluated with that many views; nothing is trained."""
    ensemble: int = ranged(0, low=0)
    """Number of the baseline's nets in each average: the first average takes the seeds from 0 on,
    the second the seeds that follow, and so on. Each average is compared with the mean of its nets.
    Nothing is trained.
    """
    paper: dict[Metric, Any] = field(default_factory=dict)
    """The paper's claim: arm minus baseline (a fraction), their ratio (for `epochs`), or `higher`
    or `lower` where the paper gives no number.
    """
    notes: dict[Metric, Any] = field(default_factory=dict)
    """The same from the authors' lab notes."""
    margin: float | None = ranged(None, above=0)
    """The study's `margin`, for this arm alone."""


@dataclass
class MechanismSpec:
    """A setting on embedded images in which the mechanism behind a study's claim can show."""

    why: str = MISSING
    """Why the effect can show there, written down before it was measured."""
    keys: dict[str, Any] = field(default_factory=dict)
    """Dotted key -> value that all runs of the study have in this setting."""


@dataclass
class StudySpec:
    """A study: a baseline and the arms that are compared with it."""

    claim: str = MISSING
    """Where the paper or the lab notes make the claim, and what a reader of the comparison must
    know.
    """
    metric: Metric = Metric.top1_err
    """The quantity that the verdict is about."""
    threshold: float = ranged(0.25, above=0, below=1)
    """For the metric `epochs`: the training error, a fraction, that must be reached."""
    margin: float | None = ranged(None, above=0)
    """Differences up to this size count as none: a fraction, or a factor above 1 for `epochs`. null
    takes half of the claimed effect; if no effect is claimed either, nothing counts as equivalent.
    """
    precision: float | None = ranged(None, above=0)
    """Half-width of the interval that `--seeds auto` aims at: a fraction, or for `epochs` a
    fraction of the ratio. null takes `--precision`, or for `epochs` a tenth of the ratio.
    """
    mechanism: MechanismSpec | None = None
    """The setting of `--setting mechanism`, which is used unless another one is chosen."""
    needs: dict[str, Any] = field(default_factory=dict)
    """Dotted key -> value that the baseline must have for the study to make sense; a list allows
    any of its values.
    """
    same_map_sizes: bool = False
    """Whether the arms' feature maps must have the same sizes as the baseline's; the nearest input
    size at which they do is used.
    """
    alternatives: bool = False
    """Whether the arms are alternatives, one of which may be the baseline itself; that arm is then
    left out instead of refused.
    """
    baseline: dict[str, Any] = field(default_factory=dict)
    """Dotted key -> value that the study changes for all its runs."""
    source: dict[str, Any] = field(default_factory=dict)
    """Dotted key -> value: the changes of a run that is trained first; the arms start from its
    weights.
    """
    arms: dict[str, ArmSpec] = field(default_factory=dict)
    """Name of an arm -> what it changes."""
