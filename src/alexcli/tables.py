"""Rows for people and for machines. How they look is decided in `render`."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Record = Mapping[str, Any]
"""A row: column -> number, text, truth value or None."""


@dataclass
class Table:
    """Rows for people and for machines. Code that builds one names its columns: `from_records`."""

    title: str
    """Shown above the table."""
    columns: list[str]
    """Names of the columns, in order."""
    rows: list[list[Any]]
    """Cells in the order of `columns`: numbers, texts, truth values or None."""
    total: list[Any] | None = None
    """A last row that sums the others."""
    note: str | None = None
    """What a reader must know; shown below the table."""
    exact: "Table | None" = None
    """The table for csv, if this one has percentages and words for people."""
    fractions: Collection[str] = ()
    """Columns of numbers that are shown to people in percent and to programs unchanged."""
    files_only: bool = False
    """Whether it is too long for a terminal, so that only --out writes it."""

    @classmethod
    def from_records(
        cls,
        title: str,
        records: Sequence[Record],
        note: str | None = None,
        *,
        columns: Sequence[str] | None = None,
        total: Record | None = None,
        exact: "Table | None" = None,
        fractions: Collection[str] = (),
        files_only: bool = False,
    ) -> "Table":
        """A table with a row for each record.

        Args:
            title: shown above the table.
            records: the rows, by column; all have the same keys.
            note: what a reader must know; shown below the table.
            columns: names of the columns in order; None takes the first record's keys, so a table
                that may be empty needs them.
            total: a last row that sums the others, by column.
            exact: the table for csv, if it is another one.
            fractions: columns of numbers that are shown to people in percent.
            files_only: whether it is too long for a terminal.
        """
        names = list(records[0]) if columns is None else list(columns)
        return cls(
            title,
            names,
            [[record[name] for name in names] for record in records],
            total=None if total is None else [total[name] for name in names],
            note=note,
            exact=exact,
            fractions=fractions,
            files_only=files_only,
        )

    def all_rows(self) -> list[list[Any]]:
        """The rows, and the total after them."""
        return [*self.rows, self.total] if self.total else self.rows

    def records(self) -> list[dict[str, Any]]:
        """All rows by column, the total after the others."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.all_rows()]
