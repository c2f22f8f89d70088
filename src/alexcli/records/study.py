"""What an ablation found."""

from dataclasses import dataclass
from typing import Any


@dataclass
class Difference:
    """An arm minus the baseline, the mean over seeds; their ratio for `epochs`."""

    metric: str
    mean: float | None
    """A fraction for errors; None where it was not measured or not reached."""
    low: float | None
    """Of the 95% interval, paired by seed; None with a single seed."""
    high: float | None
    """Of the same interval."""
    seeds: int
    """Pairs that were compared."""
    paper: Any
    """What the paper claims: a fraction, a ratio, `higher`, `lower` or None."""
    notes: Any
    """What the authors' lab notes say, likewise."""
    verdict: str
    """The comparison in words."""


@dataclass
class ArmResult:
    """What the runs of an arm reached."""

    name: str
    changes: list[str]
    """`key: the baseline's value -> its own`."""
    command: str
    """The command that repeats it, without the seed."""
    values: dict[str, dict[int, float | None]]
    """Metric -> seed -> value."""
    differences: list[Difference]
    """By metric; none for the baseline."""
    runs: list[str]
    """Run directories."""


@dataclass
class StudyResult:
    """A study with its claim beside the measurement; `arms` begins with the baseline."""

    name: str
    about: str
    """The study's question."""
    claim: str
    """Where paper and notes make the claim."""
    metric: str
    """What the verdict is about."""
    threshold: float | None
    """The training error whose crossing counts the epochs, for `epochs` alone."""
    setting: str
    """Model and data in a line."""
    n: int
    """Images that errors are measured on."""
    arms: list[ArmResult]
    missing: int
    """Runs that are not finished."""
