"""The course of a run, from its metrics."""

from dataclasses import dataclass
from typing import Any


@dataclass
class RunHistory:
    """A run's setting, and its errors over time."""

    label: str
    """The name of the run directory's parent folder."""
    settings: dict[str, Any]
    """The flat configuration: `optim.lr` -> value."""
    rows: list[dict[str, Any]]
    """The lines of metrics.jsonl, see records.training.EpochRow."""
