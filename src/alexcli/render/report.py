"""One self-contained HTML file of tables and curves."""

from collections.abc import Mapping
from pathlib import Path

from alexcli.errors import written
from alexcli.render.figures import write
from alexcli.render.tables import numeric, text
from alexcli.results import Analysis

TEMPLATE = Path(__file__).with_name("report.html")


def write_report(sections: Mapping[str, Analysis], path: Path) -> list[Path]:
    """The report, in which nothing is fetched from elsewhere, and each figure as PNG and SVG.

    Args:
        sections: what is told, by a name that the figures' files have.
        path: of the HTML file.

    Returns:
        All files.

    Raises:
        UsageError: they cannot be written.
    """
    from jinja2 import Environment

    files, drawn = [path], {}
    with written(f"--out {path}", hint="choose another place"):
        for name, found in sections.items():
            pictures = [path.with_name(f"{path.stem}-{name}.{kind}") for kind in ("png", "svg")]
            write(found, pictures)
            svg = pictures[1].read_text(encoding="utf-8")
            drawn[name] = svg[svg.index("<svg") :]  # without what only a file of its own has
            files += pictures
        template = Environment(autoescape=True).from_string(TEMPLATE.read_text(encoding="utf-8"))
        page = template.render(sections=sections, drawn=drawn, text=text, numeric=numeric)
        path.write_text(page, encoding="utf-8")
    return files
