"""The results of commands, as text for stdout and as files."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from alexcli.files import atomic_path, write_atomic
from alexcli.records.analysis import Analysis, BoxesPanel, Line, LinesPanel, PredictionsPanel
from alexcli.render.escape import markdown_prose
from alexcli.render.predictions import bars
from alexcli.render.tables import Format, render
from alexcli.tables import Table


def as_text(analysis: Analysis, format: Format) -> str:  # noqa: A002
    """Text for stdout.

    Args:
        analysis: what a command found.
        format: Markdown has the title of each table above it; csv is a single table, see
            `left_out`; in a terminal predictions are drawn as bars.
    """
    if format is Format.json:
        return _json(analysis)
    tables = _shown(analysis)
    if format is Format.table:
        predictions = [
            bars(panel.predictions)
            for panel in analysis.panels
            if isinstance(panel, PredictionsPanel)
        ]
        if predictions:
            return "".join(predictions)
    if format is Format.csv:
        return render(_joined(_like_first(tables)), format)
    texts = [render(table, format) for table in tables]
    if format is Format.md:
        texts = [_titled(table, text) for table, text in zip(tables, texts, strict=True)]
    return "\n".join(texts)


def left_out(analysis: Analysis, format: Format) -> list[str]:  # noqa: A002
    """Titles of the tables that stdout does not hold: csv is one table, of the first one's form."""
    if format is not Format.csv:
        return []
    tables = _shown(analysis)
    printed = _like_first(tables)
    return [table.title for table in tables if table not in printed]


def _shown(analysis: Analysis) -> list[Table]:
    return [table for table in analysis.tables if not table.files_only]


def _like_first(tables: Sequence[Table]) -> list[Table]:
    """The tables that share the columns of the first one."""
    return [table for table in tables if table.columns == tables[0].columns]


def _joined(tables: Sequence[Table]) -> Table:
    """Tables of one form as a single one; with several, its first column is their title."""
    if len(tables) == 1:
        return tables[0]
    exact = [table.exact or table for table in tables]
    rows = [[table.title, *row] for table in exact for row in table.all_rows()]
    return Table("", ["table", *exact[0].columns], rows)


def _titled(table: Table, text: str) -> str:
    """A table in Markdown below its title, which may name units."""
    return f"**{markdown_prose(table.title)}**\n\n{text}" if table.title else text


def _json(analysis: Analysis) -> str:
    """The documented form if there is one, or else each table by its rows and curve by its points.

    Args:
        analysis: what a command found.
    """
    data = analysis.data
    if data is None:
        data = {
            "title": analysis.title,
            "caption": analysis.caption,
            "tables": [(table.exact or table).records() for table in analysis.tables],
            "curves": {
                name: _points(line)
                for panel in analysis.panels
                if isinstance(panel, LinesPanel)
                for name, line in panel.lines.items()
            },
        }
    return json.dumps(data, indent=1) + "\n"


def _points(line: Line) -> dict[str, list[Any]]:
    """A curve as lists, without edges if it has no band."""
    import numpy as np  # not at the top, because that would slow down counting parameters

    edges = {"x": line.x, "y": line.y, "low": line.low, "high": line.high}
    return {
        name: np.asarray(values).tolist() for name, values in edges.items() if values is not None
    }


def files_of(analysis: Analysis, folder: Path, name: str) -> list[Path]:
    """The files that --out DIR writes: json, a csv for each table, and the figure.

    Args:
        analysis: what a command found.
        folder: the DIR.
        name: the beginning of the files' names.

    Returns:
        NAME.json; NAME.csv, NAME-2.csv ...; NAME.png if there is a figure, and NAME.svg for a
        diagram.
    """
    endings = [".json", ".csv"]
    endings += [f"-{number}.csv" for number in range(2, len(analysis.tables) + 1)]
    if analysis.panels:
        endings.append(".png")
    if any(isinstance(panel, BoxesPanel) for panel in analysis.panels):
        endings.append(".svg")
    return [folder / f"{name}{ending}" for ending in endings]


def write(analysis: Analysis, paths: Sequence[Path], most_width: float | None = None) -> None:
    """Write files.

    Args:
        analysis: what a command found.
        paths: the suffix says what a file holds: .json the data, .csv a table each in order, .npz
            the arrays, any other the figure. Without tables every file is a figure.
        most_width: see draw_figure; None for its default.

    Raises:
        OSError: a file cannot be written.
        ValueError: a suffix that is not an image format.
    """
    tables = iter(analysis.tables)
    figures = []
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        suffix = path.suffix if analysis.tables else ""
        if suffix == ".json":
            write_atomic(path, _json(analysis))
        elif suffix == ".csv":
            write_atomic(path, render(next(tables), Format.csv))
        elif suffix == ".npz":
            from alexcli.data.npz import write_arrays

            with atomic_path(path) as temporary, temporary.open("wb") as file:
                write_arrays(file, analysis.arrays, is_compressed=True)
        else:
            figures.append(path)
    if not figures:
        return
    from alexcli.render.figures import MOST_WIDTH, draw_figure
    from alexcli.render.style import save

    figure = draw_figure(analysis, most_width or MOST_WIDTH)
    for path in figures:
        save(figure, path)
