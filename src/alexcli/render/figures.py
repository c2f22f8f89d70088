"""Drawing the results of commands, without a display.

Legend: R rows of C tiles, each (H, W, 3); lengths are in inches.
"""

import math
from collections.abc import Sequence
from typing import Any, assert_never

import numpy as np
import numpy.typing as npt

from alexcli.records.analysis import (
    Analysis,
    BoxesPanel,
    ForestPanel,
    LinesPanel,
    MatrixPanel,
    MultiplesPanel,
    Panel,
    PredictionsPanel,
    ScatterPanel,
    TilesPanel,
)
from alexcli.render.boxes import BOX_SCALE, draw_boxes
from alexcli.render.forest import FOREST_HEIGHT, FOREST_ROW_HEIGHT, draw_forest
from alexcli.render.multiples import draw_multiples, multiples_height
from alexcli.render.predictions import draw_predictions, short
from alexcli.render.scatter import SCATTER_HEIGHT, SCATTER_WIDTH, draw_scatter
from alexcli.render.style import HEADING, SMALL, TEXT, TITLE, style
from alexcli.render.wrapping import wrap_title

DPI = 130
LINES_WIDTH = 6.2
LINES_HEIGHT = 4.2
NARROW_WIDTH = 5.2
"""Inches of a panel of curves, of which two are side by side on a page."""
LEAST_WIDTH = 7.0
"""Inches of the narrowest figure, for its title and its caption."""
MOST_WIDTH = 14.0
"""Inches that panels side by side may take."""
TILE_SIDES = (0.45, 0.9)
"""Smallest and largest side of a tile without a given size."""
TILE_ROW_WIDTH = 9.0
"""Inches of a row of tiles whose sides are between these."""
CAPTION_HEIGHT = 0.27
CAPTION_LINE = 0.14
"""Inches of the captions above a row of tiles, and of each of their further lines."""
WHITE = 255
LIGHT_GRAY = 225
MOST_PLACES = 16
"""Most ticks of a logarithmic axis that do not overlap."""
LEAST_PLAIN, MOST_PLAIN = 1e-6, 1e6
"""Numbers between these are written without an exponent on a logarithmic axis."""
MOST_NUMBERED_CLASSES = 20
"""Classes of a confusion matrix with room for numbers in its cells."""
LEGEND_CHARACTERS = 66
"""Characters in a line of the legend, the gaps between names included."""
CHARACTERS_OF_A_MARK = 8
LEGEND_LINE = 0.17
"""Inches."""
WRONG_COLOUR = "#a61c00"
CLASS_NAME_LENGTH = 20
"""Characters of a class's name beside a confusion matrix."""

Pixels = npt.NDArray[np.uint8]


def draw_figure(analysis: Analysis, most_width: float = MOST_WIDTH) -> Any:
    """Draw all panels, side by side if they are not too wide.

    Args:
        analysis: has at least one panel.
        most_width: largest width of panels side by side; if small, they are below each other.

    Returns:
        A matplotlib Figure.
    """
    with style():
        return _draw_figure(analysis, most_width)


def _draw_figure(analysis: Analysis, most_width: float) -> Any:
    from matplotlib.figure import Figure

    panels = analysis.panels
    if isinstance(panels[0], PredictionsPanel):
        title = f"{analysis.title}\n{analysis.caption}".strip()
        return draw_predictions(panels[0].predictions, title)
    sizes = [_size(panel) for panel in panels]
    columns = _columns(panels, sizes, most_width)
    rows = [sizes[first : first + columns] for first in range(0, len(sizes), columns)]
    row_heights = [max(height for _, height in row) for row in rows]
    width = max(LEAST_WIDTH, max(sum(width for width, _ in row) for row in rows))
    title = wrap_title(analysis.title, width, TITLE)
    caption = wrap_title(analysis.caption, width, TEXT)
    height = sum(row_heights) + 0.9 + 0.23 * title.count("\n") + 0.17 * caption.count("\n")
    figure = Figure(figsize=(width, height), dpi=DPI, layout="constrained")
    shares = _axes_heights(panels) or row_heights
    grid = figure.subplots(len(rows), columns, squeeze=False, height_ratios=shares)
    axes = list(grid.flat)
    for axis in axes[len(panels) :]:
        axis.set_axis_off()
    for panel, axis in zip(panels, axes, strict=False):
        _draw(panel, axis)
    figure.suptitle(title, fontsize=TITLE)
    figure.supxlabel(caption, fontsize=TEXT, color="0.3")
    return figure


def draw_panel(panel: Panel) -> Any:
    """Draw a panel alone, narrow if its kind allows, so that a page has room for two.

    Returns:
        A matplotlib Figure.
    """
    from matplotlib.figure import Figure

    width, height = _size(panel)
    if isinstance(panel, LinesPanel | MultiplesPanel | ForestPanel):
        width = NARROW_WIDTH
    with style():
        figure = Figure(figsize=(width, height), dpi=DPI, layout="constrained")
        _draw(panel, figure.subplots())
    return figure


def _columns(
    panels: Sequence[Panel], sizes: Sequence[tuple[float, float]], most_width: float
) -> int:
    """Number of panels side by side; forest plots, as high as their rows, are below each other."""
    if any(isinstance(panel, ForestPanel) for panel in panels):
        return 1
    return max(1, min(len(panels), int(most_width / max(width for width, _ in sizes))))


def _axes_heights(panels: Sequence[Panel]) -> list[float]:
    """Inches of the axes of forest plots, so that all rows are alike; [] if there are others."""
    forests = [panel for panel in panels if isinstance(panel, ForestPanel)]
    if len(forests) < len(panels):
        return []
    return [FOREST_ROW_HEIGHT * len(panel.rows) for panel in forests]


def _size(panel: Panel) -> tuple[float, float]:
    """Width and height of a panel."""
    match panel:
        case LinesPanel():
            return LINES_WIDTH, LINES_HEIGHT + LEGEND_LINE * _legend_rows(_curve_names(panel))
        case MultiplesPanel():
            return LINES_WIDTH, multiples_height(panel)
        case ForestPanel():
            return LINES_WIDTH, FOREST_HEIGHT + FOREST_ROW_HEIGHT * len(panel.rows)
        case TilesPanel():
            rows, columns = panel.tiles.shape[:2]
            side = _tile_side(panel)
            row_height = side + _caption_height(panel)
            return columns * side + 0.6, rows * row_height + 0.5
        case ScatterPanel():
            return SCATTER_WIDTH, SCATTER_HEIGHT
        case MatrixPanel():
            side = 3 + 0.32 * len(panel.classes)
            return side + 1, side - 0.7
        case BoxesPanel():
            return BOX_SCALE * panel.width, BOX_SCALE * panel.height
        case PredictionsPanel():
            raise TypeError("predictions are a figure of their own")
        case _:
            assert_never(panel)


def _draw(panel: Panel, axis: Any) -> None:
    """Draw a panel into matplotlib's axes."""
    match panel:
        case LinesPanel():
            _draw_lines(panel, axis)
        case MultiplesPanel():
            draw_multiples(panel, axis)
        case ForestPanel():
            draw_forest(panel, axis)
        case TilesPanel():
            _draw_tiles(panel, axis)
        case ScatterPanel():
            draw_scatter(panel, axis)
        case MatrixPanel():
            _draw_matrix(panel, axis)
        case BoxesPanel():
            draw_boxes(panel, axis)
        case PredictionsPanel():
            raise TypeError("predictions are a figure of their own")
        case _:
            assert_never(panel)


def _set_title(axis: Any, panel: LinesPanel | TilesPanel | MatrixPanel) -> None:
    """Write the title of a panel above it, no wider than the panel."""
    width = min(_size(panel)[0], axis.figure.get_figwidth())
    axis.set_title(wrap_title(panel.title, width, HEADING), fontsize=HEADING)


def _draw_lines(panel: LinesPanel, axis: Any) -> None:
    for name, line in panel.lines.items():
        (curve,) = axis.plot(line.x, line.y, markersize=3, label=name)
        if line.low is not None and line.high is not None:
            axis.fill_between(line.x, line.low, line.high, color=curve.get_color(), alpha=0.2)
    if panel.level is not None:
        axis.axhline(panel.level.y, color="0.4", linestyle="--", label=panel.level.label)
    if panel.log_x:
        _use_measured_places(axis, panel)
    else:
        _use_whole_numbers(axis, panel)
    if panel.log_y:
        _use_log_scale(axis)
    if panel.y_unit:
        axis.yaxis.set_major_formatter(_formatter(panel.y_unit))
    axis.grid(visible=True, alpha=0.3)
    _draw_legend(axis)
    _set_title(axis, panel)
    axis.set(xlabel=panel.x_label, ylabel=panel.y_label)


def _use_measured_places(axis: Any, panel: LinesPanel) -> None:
    """Put logarithmic ticks at the measured places, or at powers of ten if these are too many."""
    from matplotlib.ticker import LogLocator, NullFormatter, NullLocator

    places = sorted({float(x) for line in panel.lines.values() for x in line.x})
    if len(places) > MOST_PLACES:
        axis.set_xscale("log")
        axis.xaxis.set_major_locator(LogLocator())
        axis.xaxis.set_major_formatter(plain_number)
        axis.xaxis.set_minor_formatter(NullFormatter())
        return
    axis.set_xscale("log", base=2)
    axis.set_xticks(places, [f"{place:,.0f}" for place in places])
    axis.xaxis.set_minor_locator(NullLocator())


def plain_number(value: float, _position: int | None = None) -> str:
    """A tick label without an exponent, unless it is very small or large: 0.00001 and 0.1."""
    if not LEAST_PLAIN <= abs(value) < MOST_PLAIN:
        return f"{value:g}"
    return f"{value:.6f}".rstrip("0").rstrip(".")


def _use_whole_numbers(axis: Any, panel: LinesPanel) -> None:
    """Put ticks at integers if all values are integers, such as epochs."""
    from matplotlib.ticker import MaxNLocator

    places = [x for line in panel.lines.values() for x in line.x]
    if not any(isinstance(x, str) for x in places) and all(float(x).is_integer() for x in places):
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))


def _use_log_scale(axis: Any) -> None:
    """Make the vertical axis logarithmic to base 10, with plain numbers at some of its ticks."""
    from matplotlib.ticker import LogLocator, NullFormatter

    axis.set_yscale("log")
    axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.yaxis.set_major_formatter(plain_number)
    axis.yaxis.set_minor_formatter(NullFormatter())


def _formatter(unit: str) -> Any:
    """A formatter of fractions as percent, or of bytes as kB, MB, GB."""
    from matplotlib.ticker import EngFormatter, PercentFormatter

    return PercentFormatter(xmax=1) if unit == "percent" else EngFormatter(unit="B")


def _draw_legend(axis: Any) -> None:
    """Put the legend below the axis, where it hides nothing."""
    names = axis.get_legend_handles_labels()[1]
    below = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.13)}
    axis.legend(ncols=_legend_columns(names), fontsize=TEXT, frameon=False, **below)


def _curve_names(panel: LinesPanel) -> list[str]:
    """The names in the legend of a panel."""
    return [*panel.lines, *([panel.level.label] if panel.level else [])]


def _legend_columns(names: Sequence[str]) -> int:
    """Number of names side by side."""
    longest = max(map(len, names)) + CHARACTERS_OF_A_MARK
    return max(1, min(len(names), LEGEND_CHARACTERS // longest))


def _legend_rows(names: Sequence[str]) -> int:
    """Number of lines of a legend."""
    return math.ceil(len(names) / _legend_columns(names))


def _caption_height(panel: TilesPanel) -> float:
    """Height of the captions above a row of tiles; 0 without captions."""
    lines = max((caption.count("\n") for caption in panel.captions), default=-1)
    return CAPTION_HEIGHT + CAPTION_LINE * lines if panel.captions else 0.0


def _tile_side(panel: TilesPanel) -> float:
    """Side of a tile."""
    if panel.inches is not None:
        return panel.inches
    smallest, largest = TILE_SIDES
    columns: int = panel.tiles.shape[1]
    return max(smallest, min(largest, TILE_ROW_WIDTH / columns))


def _draw_tiles(panel: TilesPanel, axis: Any) -> None:
    """Draw the tiles as one image, with gaps between them."""
    _, columns, height, width, _ = panel.tiles.shape
    gap = max(1, width // 16)
    above = round(_caption_height(panel) / _tile_side(panel) * height)
    # White tiles must differ from the gaps between them if no captions set them apart.
    background = WHITE if panel.captions else LIGHT_GRAY
    sheet = _sheet(panel.tiles, above, gap, background)
    if not panel.captions:  # a gap at the outer edges too
        sheet = np.pad(sheet, ((gap, 0), (gap, 0), (0, 0)), constant_values=background)
    axis.imshow(sheet)
    for position, caption in enumerate(panel.captions):
        row, column = divmod(position, columns)
        x = column * (width + gap) + width / 2
        y = row * (above + height + gap) + above - gap
        size = TEXT if panel.inches else SMALL
        style = {"color": "black"}
        if panel.wrong and panel.wrong[position]:  # a sign besides the colour, for the colour-blind
            caption = f"\u2717 {caption}"
            style = {"color": WRONG_COLOUR, "weight": "bold"}
        axis.text(x, y, caption, ha="center", va="bottom", fontsize=size, **style)
    axis.set_axis_off()
    _set_title(axis, panel)


def _sheet(tiles: Pixels, above: int, gap: int, background: int) -> Pixels:
    """One image of all tiles.

    Args:
        tiles: (R, C, H, W, 3) uint8.
        above: pixels above each tile.
        gap: pixels below and to the right of each tile.
        background: grey level of these pixels.
    """
    padding = ((0, 0), (0, 0), (above, gap), (0, gap), (0, 0))
    padded = np.pad(tiles, padding, constant_values=background)
    rows, columns, height, width, colours = padded.shape
    return padded.transpose(0, 2, 1, 3, 4).reshape(rows * height, columns * width, colours)


def _draw_matrix(panel: MatrixPanel, axis: Any) -> None:
    """Shade the share of each row's images, and number the cells where there is room."""
    share = panel.counts / panel.counts.sum(axis=1, keepdims=True).clip(min=1)
    shading = axis.imshow(share, cmap="Blues", vmin=0, vmax=1)
    names = [short(name, CLASS_NAME_LENGTH) for name in panel.classes]
    positions = range(len(names))
    axis.set_xticks(positions, names, rotation=90)
    axis.set_yticks(positions, names)
    if len(names) <= MOST_NUMBERED_CLASSES:
        for row, column in zip(*panel.counts.nonzero(), strict=True):
            colour = "white" if share[row, column] > 0.5 else "black"
            number = str(panel.counts[row, column])
            axis.text(column, row, number, ha="center", va="center", color=colour, size=TEXT)
    axis.figure.colorbar(shading, ax=axis, label="share of the label's images", shrink=0.8)
    _set_title(axis, panel)
    axis.set(xlabel=panel.x_label, ylabel=panel.y_label)
