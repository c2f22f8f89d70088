"""A table as text: for the terminal, Markdown, CSV, JSON or LaTeX."""

import csv
import io
import json
from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal

from alexcli.render.escape import csv_cell, latex, markdown, printable
from alexcli.render.layout import LAYOUTS, broken, column_widths, row_by_row
from alexcli.tables import Table

if TYPE_CHECKING:  # rich would slow down every press of Tab
    from rich.console import Console, RenderableType
    from rich.table import Table as RichTable

MOST_WRITTEN_OUT = 1e12
"""From this number on, cells for people have an exponent."""
PIPE_WIDTH = 120
"""Characters of a line if stdout is not a terminal, and so has no width of its own."""


class Format(StrEnum):
    """Output format of a table."""

    table = "table"
    md = "md"
    csv = "csv"
    json = "json"
    latex = "latex"


def text(value: Any) -> str:
    """A cell for people: thousands grouped, other numbers to four digits, a dash for None."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.0f}" if 1e3 <= abs(value) < MOST_WRITTEN_OUT else f"{value:.4g}"
    return str(value)


def percent(fraction: float | None) -> str:
    """A fraction for people; a dash for None."""
    return "-" if fraction is None else f"{100 * fraction:.2f}%"


def render(table: Table, format: Format, data: Any = None) -> str:  # noqa: A002
    """A table as text.

    Args:
        table: the rows.
        format: the output format.
        data: the content of json in place of the rows.
    """
    match format:
        case Format.json:
            return json.dumps(table.records() if data is None else data, indent=1) + "\n"
        case Format.csv:
            return _csv(table)
        case Format.md:
            return _markdown(table)
        case Format.latex:
            return _latex(table)
        case Format.table:
            return _terminal(table)


def numeric(table: Table) -> list[bool]:
    """Whether each column holds numbers, to be right-aligned; the first row decides."""
    first = table.rows[0] if table.rows else ["" for _ in table.columns]
    return [isinstance(cell, int | float) or text(cell).endswith("%") for cell in first]


def printed(*parts: "RenderableType") -> str:
    """The output of rich for these, one below the other."""
    console = _console()
    with console.capture() as captured:
        for part in parts:
            console.print(part)
    return captured.get()


def _console() -> "Console":
    """A console for the terminal, or of PIPE_WIDTH if stdout is none."""
    from rich.console import Console

    console = Console()
    if not console.is_terminal:
        console.width = PIPE_WIDTH
    return console


def cells(table: Table) -> list[list[str]]:
    """All rows as people read them."""
    return [
        [
            percent(cell) if name in table.fractions and isinstance(cell, float) else text(cell)
            for name, cell in zip(table.columns, row, strict=True)
        ]
        for row in table.all_rows()
    ]


def _csv(table: Table) -> str:
    exact = table.exact or table
    out = io.StringIO()
    rows = [[csv_cell(cell) for cell in row] for row in [exact.columns, *exact.all_rows()]]
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue()


def _markdown(table: Table) -> str:
    rules = ["---:" if number else ":---" for number in numeric(table)]
    rows = [[markdown(cell) for cell in row] for row in [table.columns, *cells(table)]]
    rows.insert(1, rules)
    body = "".join("| " + " | ".join(row) + " |\n" for row in rows)
    return f"{body}\n{printable(table.note, lines=True)}\n" if table.note else body


def _latex(table: Table) -> str:
    """A tabular, which fits into any float; title and note are comments, for a caption."""
    alignment = "".join("r" if number else "l" for number in numeric(table))
    header, *rows = [
        " & ".join(latex(cell) for cell in row) + r" \\" for row in [table.columns, *cells(table)]
    ]
    if table.total:
        rows.insert(-1, r"\hline")
    body = "\n".join([header, r"\hline", *rows])
    remarks = [table.title, *(table.note or "").split("\n")]
    comments = "".join(f"% {printable(remark)}\n" for remark in remarks if remark)
    return f"{comments}\\begin{{tabular}}{{{alignment}}}\n{body}\n\\end{{tabular}}\n"


def _terminal(table: Table) -> str:
    from rich.text import Text

    title = Text(printable(table.title), style="table.title")
    note = [Text(printable(table.note, lines=True))] if table.note else []
    rows = [[printable(cell) for cell in row] for row in [table.columns, *cells(table)]]
    width = _console().width
    for layout in LAYOUTS:
        widths = column_widths(list(zip(*rows, strict=True)), layout.room(len(rows[0]), width))
        if widths is not None:
            return printed(title, _rich_table(table, rows, widths, boxed=layout.boxed), *note)
    return printed(title, Text(row_by_row(rows, width)), *note)


def _rich_table(
    table: Table, rows: Sequence[Sequence[str]], widths: Sequence[int], *, boxed: bool
) -> "RichTable":
    """A table of rich with columns of these widths.

    Args:
        table: says which columns hold numbers, and whether the last row is a total.
        rows: the names of the columns, then all cells.
        widths: of the columns, in characters.
        boxed: whether there are lines between columns.
    """
    from rich.box import HEAVY_HEAD, SIMPLE_HEAD
    from rich.table import Table as RichTable
    from rich.text import Text

    look = RichTable(
        box=HEAVY_HEAD if boxed else SIMPLE_HEAD,
        padding=(0, 1) if boxed else (0, 1, 0, 0),
        show_edge=boxed,
        pad_edge=boxed,
    )
    for name, number, width in zip(rows[0], numeric(table), widths, strict=True):
        justify: Literal["right", "left"] = "right" if number else "left"
        look.add_column(Text(broken(name, width)), justify=justify, width=width)
    for row in rows[1:]:
        look.add_row(*(Text(broken(cell, w)) for cell, w in zip(row, widths, strict=True)))
    if table.total:
        look.rows[-2].end_section = True
    return look
