"""A file of conf/ablation: a question of the paper, the arms that answer it, and what it claims."""

from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from omegaconf import MISSING

from alexcli.schema.ranges import ranged


class Metric(Enum):
    """What a study compares, besides validation errors."""

    top1_err = "top1_err"
    top5_err = "top5_err"
    train_err = "train_err"
    """Running top-1 error over the last training epoch, as the 2012 code measured it."""
    epochs = "epochs"
    """Epochs until that error falls to `threshold`; compared as a ratio (Figure 1)."""


@dataclass
class ArmSpec:
    """What an arm changes, and the difference to the baseline that is claimed for it."""

    change: dict[str, Any] = field(default_factory=dict)
    """Dotted key -> value; `x0.5` multiplies the baseline's, and [1-4] or * stand for layers."""
    views: int | None = None
    """1 or 10: the baseline's own nets under another protocol; nothing is trained."""
    ensemble: bool = False
    """The baseline's nets of all seeds, averaged; nothing is trained."""
    paper: dict[Metric, Any] = field(default_factory=dict)
    """Arm minus baseline (a fraction), their ratio (epochs), or `higher`, `lower`."""
    notes: dict[Metric, Any] = field(default_factory=dict)
    """The same from the authors' lab notes."""


@dataclass
class StudySpec:
    """A study."""

    claim: str = MISSING
    """Where paper and notes say so, and what a reader of the comparison must know."""
    metric: Metric = Metric.top1_err
    """What the verdict is about."""
    threshold: float = ranged(0.25, above=0, below=1)
    """For `epochs`."""
    needs: dict[str, Any] = field(default_factory=dict)
    """Values that the baseline must have."""
    alternatives: bool = False
    """Whether an arm that is the baseline itself is left out, not refused."""
    baseline: dict[str, Any] = field(default_factory=dict)
    """What the study changes for all its runs."""
    source: dict[str, Any] = field(default_factory=dict)
    """Changes of a run that is trained first and whose weights the arms start from."""
    arms: dict[str, ArmSpec] = field(default_factory=dict)
    """By name."""
