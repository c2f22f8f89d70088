"""The results of commands, as text for stdout and as files."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from alexcli.records.analysis import Analysis, BoxesPanel, Line, LinesPanel, PredictionsPanel
from alexcli.render.predictions import bars
from alexcli.render.tables import Format, render


def as_text(analysis: Analysis, format: Format) -> str:  # noqa: A002
    """Text for stdout.

    Args:
        analysis: what a command found.
        format: csv holds only the tables that share the first one's columns; a table of predictions
            is drawn as bars.
    """
    if format is Format.json:
        return _json(analysis)
    if format is Format.table:
        predictions = [
            bars(panel.predictions)
            for panel in analysis.panels
            if isinstance(panel, PredictionsPanel)
        ]
        if predictions:
            return "".join(predictions)
    tables = [table for table in analysis.tables if not table.files_only]
    if format is Format.csv:
        tables = [table for table in tables if table.columns == tables[0].columns]
    return "\n".join(render(table, format) for table in tables)


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
            path.write_text(_json(analysis), encoding="utf-8")
        elif suffix == ".csv":
            path.write_text(render(next(tables), Format.csv), encoding="utf-8")
        elif suffix == ".npz":
            from alexcli.data.npz import write_arrays

            write_arrays(path, analysis.arrays, is_compressed=True)
        else:
            figures.append(path)
    if not figures:
        return
    from alexcli.render.figures import MOST_WIDTH, draw_figure
    from alexcli.render.style import save

    figure = draw_figure(analysis, most_width or MOST_WIDTH)
    for path in figures:
        save(figure, path)
