"""One self-contained HTML file: tables, curves with the band of the seeds, how to repeat them."""

import io
from collections.abc import Sequence
from pathlib import Path

from alexcli.render.studies import study_table
from alexcli.render.tables import text
from alexcli.results import Section, StudyResult, Table

TEMPLATE = Path(__file__).with_name("report.html")


def write_report(sections: Sequence[tuple[Section, StudyResult | None]], path: Path) -> list[Path]:
    """The report, and each figure as PNG and SVG beside it.

    Args:
        sections: what is told, with the study where it is one.
        path: of the HTML file; nothing in it is fetched from elsewhere.

    Returns:
        All files.
    """
    from jinja2 import Environment

    shown, files = [], [path]
    for section, study in sections:
        svg = draw(section, "svg").decode()
        for kind in ("png", "svg"):
            files.append(path.with_name(f"{path.stem}-{section.name}.{kind}"))
            files[-1].write_bytes(draw(section, kind))
        tables = [*([study_table(study)] if study else []), *section.tables]
        shown.append({"section": section, "study": study, "tables": tables, "svg": _inside(svg)})
    template = Environment(autoescape=True).from_string(TEMPLATE.read_text(encoding="utf-8"))
    page = template.render(sections=shown, text=text, numeric=_numeric)
    path.write_text(page, encoding="utf-8")
    return files


def _inside(svg: str) -> str:
    """An SVG without the lines that only a file of its own has."""
    return svg[svg.index("<svg") :]


def _numeric(table: Table) -> list[bool]:
    first = table.rows[0] if table.rows else [""] * len(table.columns)
    return [isinstance(cell, int | float) or text(cell).endswith("%") for cell in first]


def draw(section: Section, kind: str) -> bytes:
    """Error over epochs: validation solid, with the least and the most of the seeds; training
    dotted.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.2), layout="constrained")
    panel = figure.subplots()
    colours: dict[str, str] = {}
    for curve in section.curves:
        colour = colours.setdefault(curve.name, f"C{len(colours) % 10}")
        error = [100 * value for value in curve.mean]
        if curve.split == "val":
            panel.plot(curve.epochs, error, color=colour, label=curve.name)
            low, high = ([100 * x for x in side] for side in (curve.low, curve.high))
            panel.fill_between(curve.epochs, low, high, color=colour, alpha=0.2, linewidth=0)
        else:
            panel.plot(curve.epochs, error, color=colour, linestyle=":")
    panel.set(xlabel="epoch", ylabel="top-1 error, %", title=section.name)
    panel.set_ylim(bottom=0)
    panel.grid(visible=True, alpha=0.3)
    if colours:
        panel.legend(fontsize="small")
    stream = io.BytesIO()
    # Identical reports for identical runs.
    with mpl.rc_context({"svg.hashsalt": section.name}):
        figure.savefig(
            stream, format=kind, dpi=120, metadata={"Date": None} if kind == "svg" else {}
        )
    return stream.getvalue()
