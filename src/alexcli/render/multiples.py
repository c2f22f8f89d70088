"""Drawing the same two quantities in many small panels."""

import math
from typing import Any

from alexcli.records.analysis import MultiplesPanel
from alexcli.render.style import COLOURS, HEADING, SMALL, TEXT

ACROSS = 4
"""Small panels in a row."""
ROW_HEIGHT = 1.35
"""Inches of a row."""
FRAME_HEIGHT = 0.6
"""Inches of the title and of the names of the axes."""
COLOUR = COLOURS[0]
"""A blue that the colour-blind tell from grey and white, and that is dark in black-and-white."""
BAND_OPACITY = 0.25
LEAST_TOP = 0.05
"""Lowest upper end of an axis in percent, as a fraction, so that a hundredth looks small."""


def multiples_height(panel: MultiplesPanel) -> float:
    """Height of a panel in inches."""
    return FRAME_HEIGHT + ROW_HEIGHT * math.ceil(len(panel.lines) / ACROSS)


def draw_multiples(panel: MultiplesPanel, axis: Any) -> None:
    """Draw a panel in place of matplotlib's axes, in axes of its own."""
    from matplotlib.ticker import MaxNLocator

    rows = math.ceil(len(panel.lines) / ACROSS)
    place = axis.get_subplotspec()
    axis.set_axis_off()
    part = axis.figure.add_subfigure(place)
    grid = part.subplots(rows, ACROSS, squeeze=False, sharex=True, sharey=panel.y_unit == "percent")
    for small, (name, lines) in zip(grid.flat, panel.lines.items(), strict=False):
        for line in lines:
            if line.low is not None and line.high is not None:
                small.fill_between(
                    line.x, line.low, line.high, color=COLOUR, alpha=BAND_OPACITY, linewidth=0
                )
        small.plot(lines[0].x, lines[0].y, color=COLOUR, marker=".", markersize=3, linewidth=1)
        small.set_title(name, fontsize=TEXT, pad=2)
        small.tick_params(labelsize=SMALL)
        small.xaxis.set_major_locator(MaxNLocator(nbins=4, integer=True))
        small.grid(visible=True, alpha=0.3)
    for empty in list(grid.flat)[len(panel.lines) :]:
        empty.set_axis_off()
    if panel.y_unit == "percent":
        _number_in_percent(panel, grid.flat[0])
    part.suptitle(panel.title, fontsize=HEADING)
    part.supxlabel(panel.x_label, fontsize=TEXT)
    part.supylabel(panel.y_label, fontsize=TEXT)


def _number_in_percent(panel: MultiplesPanel, shared: Any) -> None:
    """Number the shared axes in percent, from 0."""
    from matplotlib.ticker import PercentFormatter

    top = max(max(line.y) for lines in panel.lines.values() for line in lines)
    shared.set_ylim(0, 1.05 * max(top, LEAST_TOP))
    shared.yaxis.set_major_formatter(PercentFormatter(xmax=1))
