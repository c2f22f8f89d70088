"""A table as text: for the terminal, Markdown, CSV or LaTeX."""

import csv
import io
import json
import re
from enum import StrEnum
from typing import Any

from rich.console import Console, RenderableType
from rich.table import Table as RichTable
from rich.text import Text

from alexcli.results import Table

Format = StrEnum("Format", ["table", "md", "csv", "json", "latex"])
"""What a table comes out as."""


def text(value: Any) -> str:
    """A cell for people: thousands grouped, absent values as a dash."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def percent(fraction: float | None) -> str:
    """A fraction for people."""
    return "-" if fraction is None else f"{100 * fraction:.2f}%"


def render(table: Table, format: Format, data: Any = None) -> str:  # noqa: A002
    """The table in a format; `data` is what json prints in place of the rows."""
    if format is Format.json:
        return json.dumps(table.records() if data is None else data, indent=1) + "\n"
    writers = {"csv": _csv, "md": _markdown, "latex": _latex, "table": _terminal}
    return writers[format](table)


def _lines(table: Table) -> list[list[str]]:
    return [[text(cell) for cell in row] for row in table.all_rows()]


def numeric(table: Table) -> list[bool]:
    """Which columns hold numbers, which are set to the right."""
    first = table.rows[0] if table.rows else [""] * len(table.columns)
    return [isinstance(cell, (int, float)) or text(cell).endswith("%") for cell in first]


def _csv(table: Table) -> str:
    table, out = table.exact or table, io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([table.columns, *table.all_rows()])
    return out.getvalue()


def _markdown(table: Table) -> str:
    rules = ["---:" if number else ":---" for number in numeric(table)]
    rows = [table.columns, rules, *_lines(table)]
    body = "".join("| " + " | ".join(row) + " |\n" for row in rows)
    return f"{body}\n{table.note}\n" if table.note else body


def _latex(table: Table) -> str:
    def safe(cell: str) -> str:
        return re.sub(r"[&%$#_]", r"\\\g<0>", cell)

    columns = "".join("r" if number else "l" for number in numeric(table))
    lines = [" & ".join(map(safe, row)) + r" \\" for row in [table.columns, *_lines(table)]]
    if table.total:
        lines.insert(-1, r"\hline")
    body = "\n".join([lines[0], r"\hline", *lines[1:]])
    return f"\\begin{{tabular}}{{{columns}}}\n{body}\n\\end{{tabular}}\n"


def _terminal(table: Table) -> str:
    shown = RichTable(title=table.title, title_justify="left", show_footer=False)
    for name, number in zip(table.columns, numeric(table), strict=True):
        shown.add_column(name, justify="right" if number else "left", overflow="fold")
    for row in _lines(table):
        shown.add_row(*row)
    if table.total:
        shown.rows[-2].end_section = True
    return printed(shown, *([Text(table.note)] if table.note else []))


def printed(*parts: RenderableType) -> str:
    """What rich makes of these, one below the other."""
    console = Console()
    if not console.is_terminal:
        console.width = 110  # a pipe has no width of its own
    with console.capture() as captured:
        for part in parts:
            console.print(part)
    return captured.get()
