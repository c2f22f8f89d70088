"""Fitting a table to the terminal: in boxes, without lines between its columns, or row by row.

Words, and numbers above all, stay whole; paths may break after a slash, and names after a hyphen
between letters.
"""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple


class Layout(NamedTuple):
    """A way to lay out a table."""

    boxed: bool
    """Whether there are lines between columns."""
    between: int
    """Characters between two columns."""
    around: int
    """Characters to the left and right of the whole table together."""

    def room(self, columns: int, width: int) -> int:
        """Characters left for the cells of a row with this many columns on a line of this width."""
        return width - self.between * (columns - 1) - self.around


LAYOUTS = (Layout(boxed=True, between=3, around=4), Layout(boxed=False, between=2, around=0))
"""In the order in which they are tried."""
BREAK = re.compile(r"(?<=/)(?=[^/])|(?<=[a-z]-)(?=[a-z])")
"""Where a word may be broken."""
INDENT = 2
"""Characters before the names of columns in a table that is laid out row by row."""


def column_widths(columns: Sequence[Sequence[str]], room: int) -> list[int] | None:
    """Widths of columns, in characters, that keep words whole; None if that is impossible.

    rich itself narrows the widest columns first, whatever words they contain.

    Args:
        columns: the cells of each column, its header among them.
        room: characters for all columns.
    """
    from rich.cells import cell_len

    wanted = [max(map(cell_len, cells)) for cells in columns]
    if sum(wanted) <= room:
        return wanted
    widths = [
        max((cell_len(piece) for cell in cells for piece, _ in _pieces(cell)), default=1)
        for cells in columns
    ]
    if sum(widths) > room:
        return None
    below_names = [max(map(cell_len, cells[1:]), default=0) for cells in columns]
    for target in (below_names, wanted):  # names of columns wrap first
        while sum(widths) < room:  # widen the column with the most lines
            lines = [want / width for want, width in zip(target, widths, strict=True)]
            if max(lines) <= 1:
                break
            widths[lines.index(max(lines))] += 1
    return widths


def broken(cell: str, width: int) -> str:
    """Break a cell into lines of a width, in characters, as far as its words allow."""
    from rich.cells import cell_len

    if cell_len(cell) <= width:
        return cell
    lines = [""]
    for piece, begins_word in _pieces(cell):
        gap = " " if begins_word and lines[-1] else ""
        if lines[-1] and cell_len(lines[-1] + gap + piece) > width:
            lines.append(piece)
        else:
            lines[-1] += gap + piece
    return "\n".join(lines)


def row_by_row(rows: Sequence[Sequence[str]], width: int) -> str:
    """A block of lines for each row, for tables that are wider than the terminal.

    Args:
        rows: the names of the columns, then the rows; empty cells are left out.
        width: of the terminal, in characters.
    """
    from rich.cells import cell_len, set_cell_size

    names, *body = rows
    widest = max(map(cell_len, names[1:]), default=0)
    room = max(width - INDENT - widest - INDENT, 1)
    lines = []
    for row in body:
        lines.append(f"{names[0]} {row[0]}".strip())
        for name, cell in zip(names[1:], row[1:], strict=True):
            name_or_space = set_cell_size(name, widest)
            for line in broken(cell, room).split("\n") if cell else ():
                lines.append(f"{'':{INDENT}}{name_or_space}{'':{INDENT}}{line}")
                name_or_space = " " * widest
    return "\n".join(lines)


def _pieces(cell: str) -> Iterator[tuple[str, bool]]:
    """The unbreakable pieces of a cell, and whether each begins a word."""
    for word in cell.split():
        for number, piece in enumerate(BREAK.split(word)):
            yield piece, number == 0
