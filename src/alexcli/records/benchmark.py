"""The results of benchmarks."""

from dataclasses import dataclass


@dataclass
class BenchResult:
    """A figure of a benchmark, with its ratio to a baseline of the same run."""

    name: str
    against: str | None
    """The baseline; None for a figure without one."""
    value: float
    """Median of ours."""
    unit: str
    ratio_median: float | None
    """Above 1: ours is better."""
    ratio_min: float | None
    """The smallest of the rounds."""
    ratio_max: float | None
    """The largest of the rounds."""
    n: int
    """Rounds."""
