"""What every logger does, and what it is told about the run."""

import abc
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

Row = Mapping[str, Any]
"""A line of metrics.jsonl, see records.training.EpochRow."""

Status = Literal["finished", "failed", "stopped"]
"""How a training ended; a stopped one will be resumed."""


@dataclass(frozen=True)
class LoggedRun:
    """What a logger is told about a run."""

    directory: Path
    """The run directory."""
    config: Mapping[str, Any]
    """The configuration as nested mappings."""
    settings: Mapping[str, Any]
    """The same by dotted keys."""
    rows: Sequence[Row]
    """The lines of metrics.jsonl up to the step from which the training goes on."""

    @property
    def name(self) -> str:
        """LABEL/DIRECTORY, which says which run it is."""
        return f"{self.directory.parent.name}/{self.directory.name}"


class RowLogger(abc.ABC):
    """A logger of a run, which has begun to record."""

    recorded: int = 0
    """Lines of metrics.jsonl, from its first, that an earlier session has recorded here."""

    @abc.abstractmethod
    def record(self, row: Row) -> None:
        """Record a line of metrics.jsonl; it is safe from a kill afterwards, or is sent again."""

    @abc.abstractmethod
    def close(self, status: Status) -> None:
        """End the record of this session."""


def metrics_of(row: Row) -> dict[str, float]:
    """Every number of a row, as `split/name`."""
    return {
        f"{row['split']}/{name}": value
        for name, value in row.items()
        if isinstance(value, int | float)
    }
