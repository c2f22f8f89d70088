"""Predicted classes of images: as a table, as bars in the terminal, and as Figure 4 (left)."""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.bar import Bar
from rich.table import Table as RichTable
from rich.text import Text

from alexcli.records.analysis import Analysis, PredictionsPanel
from alexcli.records.prediction import ImagePrediction
from alexcli.render.escape import printable
from alexcli.render.style import HEADING, TEXT
from alexcli.render.tables import percent, printed
from alexcli.render.wrapping import wrap_title
from alexcli.tables import Table

BAR_WIDTH = 30
"""Characters of the bar of a certain prediction."""
BAR_STEPS = 8 * BAR_WIDTH
"""Possible lengths of a bar: a character is drawn in eighths."""
FIGURE_COLUMNS = 4
"""Images in a row, as in Figure 4."""
COLUMN_INCHES = 2.9
ROW_INCHES = 4.3
TITLE_MARGIN = 0.12
"""Inches above the title, and about as much below it."""
TITLE_LINE_INCHES = 0.17
MOST_DPI = 150
MOST_ROWS_OF_PIXELS = 60_000
"""matplotlib's renderer, Agg, draws at most 65,536."""
RIGHT_COLOUR = "#f0a8a0"
OTHER_COLOUR = "#c3d5ee"
"""Colours of bars, light enough that text over them is readable."""
MOST_DRAWN = 40
"""Images of a figure: more would not fit on a screen or page."""
NAME_LENGTH = 28
"""Characters of a name in the figure."""


def prediction_analysis(predictions: Sequence[ImagePrediction], title: str) -> Analysis:
    """The most likely classes of each image, as a table and as Figure 4 (left)."""
    rows = [
        {"file": image.file, "label": image.label, "rank": rank, **prediction.as_json()}
        for image in predictions
        for rank, prediction in enumerate(image.predictions, 1)
    ]
    data = [_as_json(image) for image in predictions]
    table = Table.from_records("predictions", rows)
    return Analysis(title, [table], [PredictionsPanel(predictions)], data=data)


def json_line(image: ImagePrediction) -> str:
    """One image as json, on a line of its own."""
    return json.dumps(_as_json(image)) + "\n"


def _as_json(image: ImagePrediction) -> dict[str, Any]:
    return {
        "file": image.file,
        "label": image.label,
        "top": [prediction.as_json() for prediction in image.predictions],
    }


def bars(predictions: Sequence[ImagePrediction]) -> str:
    """For a terminal: each image with its predictions, their probabilities as bars."""
    parts: list[Text | RichTable] = []
    for image in predictions:
        label = f"  ({printable(image.label_name)})" if image.label_name else ""
        parts.append(Text.assemble((printable(image.file), "bold"), label))
        parts.append(_bar_table(image))
    return printed(*parts)


def _bar_table(image: ImagePrediction) -> RichTable:
    """Name, bar and probability of each prediction; the right one is green."""
    table = RichTable(box=None, show_header=False, padding=(0, 1))
    table.add_column(max_width=40, overflow="ellipsis", no_wrap=True)
    table.add_column(max_width=BAR_WIDTH)
    table.add_column(justify="right", no_wrap=True)
    for prediction in image.predictions:
        colour = "green" if prediction.class_ == image.label else "cyan"
        length = round(prediction.p * BAR_STEPS)
        bar = Bar(BAR_STEPS, 0, length, color=colour)
        table.add_row(Text(printable(prediction.name)), bar, percent(prediction.p))
    return table


def draw_predictions(predictions: Sequence[ImagePrediction], title: str) -> Any:
    """Figure 4 (left): each image, its label, and a bar for each prediction, the right one red.

    Args:
        predictions: with their pixels; those after the first MOST_DRAWN are left out.
        title: of the figure.

    Returns:
        A matplotlib Figure.
    """
    from matplotlib.figure import Figure

    if len(predictions) > MOST_DRAWN:
        title += f"; drawn: the first {MOST_DRAWN} of {len(predictions):,} images"
        predictions = predictions[:MOST_DRAWN]
    columns = min(FIGURE_COLUMNS, len(predictions))
    rows = math.ceil(len(predictions) / columns)
    width = COLUMN_INCHES * columns
    lines = wrap_title(title, width, HEADING)
    title_inches = 2 * TITLE_MARGIN + TITLE_LINE_INCHES * (1 + lines.count("\n"))
    body_inches = ROW_INCHES * rows
    inches = body_inches + title_inches
    figure: Any = Figure(figsize=(width, inches), dpi=min(MOST_DPI, MOST_ROWS_OF_PIXELS / inches))
    head, body = figure.subfigures(2, 1, height_ratios=(title_inches, body_inches))
    head.suptitle(lines, fontsize=HEADING, y=1 - TITLE_MARGIN / title_inches)
    parts = body.subfigures(rows, columns, squeeze=False).flat
    for part, image in zip(parts, predictions, strict=False):
        _draw_image(part, image)
    return figure


def _draw_image(part: Any, image: ImagePrediction) -> None:
    """Draw one image and its predictions into a subfigure."""
    # Fixed margins: matplotlib would take a minute to find its own for a hundred images.
    margins = {"left": 0.04, "right": 0.96, "top": 0.93, "bottom": 0.03, "hspace": 0.04}
    above, below = part.subplots(2, 1, height_ratios=(3, 1.6), gridspec_kw=margins)
    above.imshow(image.image)
    above.set_axis_off()
    above.set_title(short(image.label_name or Path(image.file).name, NAME_LENGTH), fontsize=TEXT)
    _draw_bars(below, image)


def _draw_bars(axes: Any, image: ImagePrediction) -> None:
    """Draw bars with the names written over them, as in the paper."""
    places = range(len(image.predictions))
    probabilities = [prediction.p for prediction in image.predictions]
    colours = [
        RIGHT_COLOUR if prediction.class_ == image.label else OTHER_COLOUR
        for prediction in image.predictions
    ]
    axes.barh(places, probabilities, color=colours, height=0.85)
    for place, prediction in zip(places, image.predictions, strict=True):
        name = short(prediction.name, NAME_LENGTH)
        axes.text(0.02, place, name, va="center", fontsize=TEXT)
        share = percent(prediction.p)
        axes.text(0.99, place, share, va="center", ha="right", fontsize=TEXT)
    axes.set(xlim=(0, 1), xticks=[], yticks=[])
    axes.invert_yaxis()


def short(name: str, length: int) -> str:
    """A name, cut to at most `length` characters."""
    name = printable(name)
    return name if len(name) <= length else f"{name[: length - 1]}\u2026"
