"""A report: one self-contained HTML file of tables and curves."""

import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from alexcli.files import write_atomic, writing
from alexcli.records.analysis import Analysis, Panel
from alexcli.render.escape import printable
from alexcli.render.output import write
from alexcli.render.tables import cells, numeric
from alexcli.tables import Table

PANEL_WIDTH = 7.0
"""Inches of the figures in files of their own: one panel below the other."""
TEMPLATE = Path(__file__).with_name("report.html")
WIDTH, LEAST_WIDTH = 1.3, 0.87
"""Pixels of the page per point of a figure: on a desktop; on a phone, where text of 8 points is
still readable.
"""


class PageFigure(NamedTuple):
    """A figure within the page."""

    label: str
    """The alternative text for screen readers."""
    width: int
    """Pixels, if there is room."""
    least_width: int
    """Pixels; a page that is narrower shows a part of it at a time."""
    svg: str


def write_report(sections: Mapping[str, Analysis], path: Path) -> list[Path]:
    """Write a self-contained HTML file, and each figure as PNG and SVG.

    Args:
        sections: the sections in order, by the names that the files of their figures get.
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
            figures[name] = [_page_figure(panel, section.title) for panel in section.panels]
        template = Environment(autoescape=True).from_string(TEMPLATE.read_text(encoding="utf-8"))
        page = template.render(
            title=_title(sections),
            sections=sections,
            figures=figures,
            cells=_cells,
            numeric=numeric,
        )
        write_atomic(path, page)
    return files


def _title(sections: Mapping[str, Analysis]) -> str:
    """The title of the page: that of its only section, or the names of all."""
    if len(sections) == 1:
        (section,) = sections.values()
        return printable(section.title)
    return f"Report of {', '.join(sections)}"


def _cells(table: Table) -> list[list[str]]:
    """All rows for people; the template escapes them for HTML."""
    return [[printable(cell, lines=True) for cell in row] for row in cells(table)]


def _page_figure(panel: Panel, title: str) -> PageFigure:
    """A panel as a figure of its own, with the title of its section if it has none."""
    from alexcli.render.figures import draw_panel
    from alexcli.render.style import save

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "panel.svg")
        save(draw_panel(panel), path)
        content = path.read_text(encoding="utf-8")
    # Without the declarations that only a separate file needs.
    svg = content[content.index("<svg") :]
    size = re.search(r'<svg[^>]* width="([\d.]+)pt"', svg)
    assert size is not None
    points = float(size.group(1))
    label = printable(getattr(panel, "title", "") or title)
    return PageFigure(label, round(WIDTH * points), round(LEAST_WIDTH * points), svg)
