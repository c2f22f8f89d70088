"""metrics.csv: the lines of metrics.jsonl as a table."""

import csv
from collections.abc import Sequence
from dataclasses import fields

from alexcli.files import sync
from alexcli.lit.loggers.base import LoggedRun, Row, RowLogger, Status
from alexcli.records.training import EpochRow
from alexcli.schema import LoggerSpec


class CsvLogger(RowLogger):
    """Rewrites the file, so that a resumed run has no line twice; a null is an empty cell.

    Args:
        spec: not read.
        run: its directory gets the file.

    Raises:
        OSError: the file cannot be written.
    """

    def __init__(self, spec: LoggerSpec, run: LoggedRun) -> None:
        self.columns = [field.name for field in fields(EpochRow)]
        self.path = run.directory / "metrics.csv"
        self._write("w", self.columns)

    def record(self, row: Row) -> None:
        """Add a line; fields that a row of an older version lacks stay empty."""
        self._write("a", [row.get(column) for column in self.columns])
        sync(self.path)

    def close(self, status: Status) -> None:
        """Do nothing: every line is already on disk."""

    def _write(self, mode: str, cells: Sequence[object]) -> None:
        with self.path.open(mode, encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerow(cells)
