"""How a table fits the terminal: in boxes, without lines between its columns, or row by row.

Words stay whole, numbers above all; paths may break behind a slash, and names behind a hyphen
between letters.
"""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple


class Layout(NamedTuple):
    """A way to set a table."""

    boxed: bool
    """Whether lines stand between columns."""
    between: int
    """Characters between two columns."""
    around: int
    """Characters left and right of the whole table."""

    def room(self, columns: int, width: int) -> int:
        """Characters for the cells of a row, of so many columns, on a line of a width."""
        return width - self.between * (columns - 1) - self.around


LAYOUTS = (Layout(boxed=True, between=3, around=4), Layout(boxed=False, between=2, around=0))
"""In the order in which they are tried."""
BREAK = re.compile(r"(?<=/)(?=[^/])|(?<=[a-z]-)(?=[a-z])")
"""Where a word may be broken."""
INDENT = 2
"""Characters before the names of columns in a table that is set row by row."""


def column_widths(columns: Sequence[Sequence[str]], room: int) -> list[int] | None:
    """Widths of columns, in characters, that keep words whole; None where there are none.

    rich makes the widest columns narrow first, whatever words they hold.

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
    for target in (below_names, wanted):  # the names of columns take a second line first
        while sum(widths) < room:  # the column of the most lines gets a character more
            lines = [want / width for want, width in zip(target, widths, strict=True)]
            if max(lines) <= 1:
                break
            widths[lines.index(max(lines))] += 1
    return widths


def broken(cell: str, width: int) -> str:
    """A cell in lines of a width, in characters, as far as its words allow."""
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
    """What stays whole of a cell, and whether a word begins with it."""
    for word in cell.split():
        for number, piece in enumerate(BREAK.split(word)):
            yield piece, number == 0
