"""Drawing a net as boxes and arrows."""

from collections.abc import Sequence
from typing import Any

from alexcli.records.analysis import Box, BoxesPanel
from alexcli.render.style import TEXT

BOX_SCALE = 1.3
"""Inches of the image's side in a diagram of a net."""
TOWER_COLOURS = ("#dbe7f5", "#fbe3cf", "#dff0dc", "#ece2f2")
POOLED_HATCH = "///////"
CROSSING_COLOUR = "#c0392b"


def draw_boxes(panel: BoxesPanel, axis: Any) -> None:
    """Draw a panel into matplotlib's axes."""
    for box in panel.boxes:
        colour = TOWER_COLOURS[box.tower % len(TOWER_COLOURS)]
        for corners in _faces(box, panel.slope):
            x, y = zip(*corners, strict=True)
            hatch = POOLED_HATCH if box.pooled else None
            axis.fill(x, y, facecolor=colour, edgecolor="0.25", linewidth=0.7, hatch=hatch)
    for arrow in panel.arrows:
        colour = CROSSING_COLOUR if arrow.crosses else "0.35"
        style = {"arrowstyle": "-|>", "color": colour, "lw": 0.9}
        axis.annotate("", arrow.end, arrow.start, arrowprops=style)
    for label in panel.labels:
        axis.text(label.x, label.y, label.text, ha="center", va="center", fontsize=TEXT)
    axis.set_aspect("equal")
    axis.set_axis_off()
    axis.set(xlim=(0, panel.width), ylim=(0, panel.height))


def _faces(box: Box, slope: float) -> Sequence[Sequence[tuple[float, float]]]:
    """The corners of the visible faces of a cuboid: front, top and right side.

    Args:
        box: the cuboid.
        slope: length on paper of an edge of length 1 that leads away from the reader.
    """
    left = box.x
    right = box.x + box.width
    bottom = box.y - box.height / 2
    top = box.y + box.height / 2
    front = [(left, bottom), (right, bottom), (right, top), (left, top)]
    if box.depth == 0:
        return [front]
    away = slope * box.depth
    far_corner = (right + away, top + away)
    top_face = [(left, top), (right, top), far_corner, (left + away, top + away)]
    side_face = [(right, bottom), (right + away, bottom + away), far_corner, (right, top)]
    return [front, top_face, side_face]
