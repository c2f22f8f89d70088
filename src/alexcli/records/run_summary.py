"""The entry of a run in a list of runs."""

from dataclasses import dataclass


@dataclass
class RunSummary:
    """A run in a line. Errors are fractions; None stands for what is unknown so far."""

    name: str
    """LABEL/DIRECTORY."""
    path: str
    model: str
    data: str
    """The source of its images."""
    seed: int
    epochs: str
    """Finished and planned epochs; empty for imported weights."""
    val_err: float | None
    test_err: float | None
    seconds: float | None
    """Seconds of training."""
    state: str
    """finished, stopped (the same train command resumes it), training (another process holds it) or
    damaged (its configuration or result cannot be read).
    """
    bytes: int
    """Size of all files in its directory and the folders below it; links are not followed."""
