"""A report: one HTML file of tables and curves that needs nothing else to be read."""

from collections.abc import Mapping
from pathlib import Path

from alexcli.files import writing
from alexcli.records.analysis import Analysis
from alexcli.render.foreign import printable
from alexcli.render.output import write
from alexcli.render.tables import cells, numeric
from alexcli.tables import Table

PANEL_WIDTH = 7.0
"""Inches: one panel below the other, so that their texts can be read on a phone."""
TEMPLATE = Path(__file__).with_name("report.html")


def write_report(sections: Mapping[str, Analysis], path: Path) -> list[Path]:
    """Write an HTML file, which fetches nothing from elsewhere, and each figure as PNG and SVG.

    Args:
        sections: the sections in order, by names for the files of their figures.
        path: the HTML file.

    Returns:
        All files, the HTML file first.

    Raises:
        UsageError: they cannot be written.
    """
    from jinja2 import Environment

    files = [path]
    figures = {}
    with writing(f"--out {path}", hint="choose another place"):
        for name, section in sections.items():
            png = path.with_name(f"{path.stem}-{name}.png")
            svg = path.with_name(f"{path.stem}-{name}.svg")
            write(section, [png, svg], most_width=PANEL_WIDTH)
            files += [png, svg]
            figures[name] = _svg_element(svg)
        template = Environment(autoescape=True).from_string(TEMPLATE.read_text(encoding="utf-8"))
        page = template.render(
            title=_title(sections),
            sections=sections,
            figures=figures,
            cells=_cells,
            numeric=numeric,
        )
        path.write_text(page, encoding="utf-8")
    return files


def _title(sections: Mapping[str, Analysis]) -> str:
    """What the page is about: its only section, or the names of all."""
    if len(sections) == 1:
        (section,) = sections.values()
        return printable(section.title)
    return f"Report of {', '.join(sections)}"


def _cells(table: Table) -> list[list[str]]:
    """All rows for people; the template escapes what means something in HTML."""
    return [[printable(cell, lines=True) for cell in row] for row in cells(table)]


def _svg_element(path: Path) -> str:
    """The element of an SVG file, without the declarations that only a file of its own needs."""
    content = path.read_text(encoding="utf-8")
    return content[content.index("<svg") :]
