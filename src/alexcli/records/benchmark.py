"""What a benchmark measured."""

from dataclasses import dataclass


@dataclass
class BenchResult:
    """A figure of a benchmark, beside its baseline's in the same run."""

    name: str
    against: str | None
    """The baseline; None for a figure without one."""
    value: float
    """Median of ours."""
    unit: str
    ratio_median: float | None
    """Above 1: ours is better."""
    ratio_min: float | None
    """The least of the rounds."""
    ratio_max: float | None
    """The largest of the rounds."""
    n: int
    """Rounds."""
