"""Drawing a forest plot: each arm's measured difference with the claimed one."""

from typing import Any

from alexcli.records.analysis import ForestPanel, ForestRow
from alexcli.render.style import HEADING, TEXT

FOREST_HEIGHT = 1.7
"""Inches of a plot without its rows: title, axis and legend."""
BELOW_AXIS = 0.42
"""Inches between the axis and the legend, for the numbers and the name of the axis."""
FOREST_ROW_HEIGHT = 0.55
"""Inches of a row."""
FOUND = "#0b5394"
MEDIAN = "#38761d"
CLAIMED = "#b45f06"
BAND = "#d9d9d9"
NO_DIFFERENCE = "0.4"
SEED_OFFSET = 0.22
"""Distance of a row's dots, one per seed, below its interval, in rows."""
MEDIAN_OFFSET = 0.2
"""Distance of a row's median above its interval, in rows."""
MEAN_MARKERS = {None: "s", "above": ">", "below": "<"}
"""The marker of a mean, or of a bound of it, which points to where the mean may lie."""
HALF_BAND = 0.38
"""Half the height of the band of equivalence, in rows."""


def draw_forest(panel: ForestPanel, axis: Any) -> None:
    """Draw each row: its interval, its seeds as dots, the claim as a diamond, the margin as a band.

    A median, which only rows have whose mean a few seeds dominate, stands above the mean.

    Args:
        panel: the rows.
        axis: matplotlib's axes.
    """
    for number, row in enumerate(panel.rows):
        _draw_row(row, number, panel, axis)
    axis.axvline(panel.zero, color=NO_DIFFERENCE, linewidth=1)
    if panel.limit is not None:
        _cut_axis(panel, panel.limit, axis)
    if panel.log_x:
        _use_log_axis(axis)
    labels = [f"{row.label}\n{row.verdict}" for row in panel.rows]
    axis.set_yticks(range(len(panel.rows)), labels, fontsize=TEXT)
    axis.set_ylim(len(panel.rows) - 0.5, -0.5)
    axis.set_xlabel(panel.x_label, fontsize=HEADING)
    axis.tick_params(axis="x", labelsize=TEXT)
    axis.tick_params(axis="y", length=0)
    axis.set_title(panel.title, fontsize=HEADING)
    axis.grid(axis="x", color="0.92", linewidth=0.8)
    axis.set_axisbelow(True)
    for side in ("top", "right", "left"):
        axis.spines[side].set_visible(False)
    _draw_legend(axis)


def _cut_axis(panel: ForestPanel, limit: float, axis: Any) -> None:
    """Cut the axis at its limit, with arrows for the intervals that extend beyond.

    Args:
        panel: the rows.
        limit: largest distance from no difference.
        axis: matplotlib's axes.
    """
    left, right = axis.get_xlim()
    left = max(left, panel.zero - limit)
    right = min(right, panel.zero + limit)
    axis.set_xlim(left, right)
    for number, row in enumerate(panel.rows):
        if row.low is not None and row.low < left:
            axis.plot([left], [number], "<", color=FOUND, markersize=8, clip_on=False)
        if row.high is not None and row.high > right:
            axis.plot([right], [number], ">", color=FOUND, markersize=8, clip_on=False)


def _use_log_axis(axis: Any) -> None:
    """Make the axis logarithmic, with plain numbers at its ticks."""
    from matplotlib.ticker import FuncFormatter, NullFormatter

    axis.set_xscale("log")
    axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.xaxis.set_minor_formatter(NullFormatter())


def _draw_row(row: ForestRow, number: int, panel: ForestPanel, axis: Any) -> None:
    if row.margin is not None:
        low = panel.zero / row.margin if panel.log_x else panel.zero - row.margin
        high = panel.zero * row.margin if panel.log_x else panel.zero + row.margin
        axis.fill_between(
            [low, high], number - HALF_BAND, number + HALF_BAND, color=BAND, label="counts as none"
        )
    dots = [number + SEED_OFFSET for _ in row.values]
    if dots:
        marks = {"color": FOUND, "alpha": 0.35, "markersize": 3.5}
        axis.plot(row.values, dots, "o", label="single seeds", **marks)
    left = row.mean if row.bound == "below" else row.low
    right = row.mean if row.bound == "above" else row.high
    if left is not None and right is not None:
        axis.plot([left, right], [number, number], color=FOUND, marker="None", linewidth=2.2)
    if row.mean is not None:
        label = "mean, 95% interval" if row.bound is None else "bound of the mean, 95% interval"
        marker = MEAN_MARKERS[row.bound]
        axis.plot([row.mean], [number], marker, color=FOUND, markersize=6, label=label)
    if row.median is not None:
        median, low, high = row.median
        above = number - MEDIAN_OFFSET
        axis.plot([low, high], [above, above], color=MEDIAN, marker="None", linewidth=2.2)
        axis.plot([median], [above], "^", color=MEDIAN, markersize=5, label="median, 95% interval")
    if row.claim is not None:
        hollow = {"markerfacecolor": "none", "markeredgecolor": CLAIMED, "markeredgewidth": 1.8}
        axis.plot([row.claim], [number], "D", markersize=9, label="claimed", linewidth=0, **hollow)


def _draw_legend(axis: Any) -> None:
    """Draw the legend at a fixed distance below the axis, whatever the height of the plot."""
    from matplotlib.transforms import ScaledTranslation

    handles, names = axis.get_legend_handles_labels()
    by_name = dict(zip(names, handles, strict=True))
    below = ScaledTranslation(0, -BELOW_AXIS, axis.figure.dpi_scale_trans)
    axis.legend(
        list(by_name.values()),
        list(by_name),
        loc="upper center",
        bbox_to_anchor=(0.5, 0),
        bbox_transform=axis.transAxes + below,
        ncols=2,
        fontsize=TEXT,
        frameon=False,
    )
