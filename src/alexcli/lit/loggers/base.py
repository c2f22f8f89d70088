"""The interface of loggers, and the information about a run that they get."""

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
    """The information about a run for a logger."""

    directory: Path
    """The run directory."""
    config: Mapping[str, Any]
    """The configuration as nested mappings."""
    settings: Mapping[str, Any]
    """The same by dotted keys."""
    rows: Sequence[Row]
    """The lines of metrics.jsonl up to the step from which training resumes."""

    @property
    def name(self) -> str:
        """LABEL/DIRECTORY, which identifies the run."""
        return f"{self.directory.parent.name}/{self.directory.name}"


class RowLogger(abc.ABC):
    """A logger of a run that has started to record."""

    recorded: int = 0
    """Number of lines of metrics.jsonl, from the first, that an earlier session recorded here."""

    @abc.abstractmethod
    def record(self, row: Row) -> None:
        """Record a line of metrics.jsonl; after a kill, it is either stored or sent again."""

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
