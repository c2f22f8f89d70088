"""Drawing points in a plane: dots in the colours of their classes, or small images."""

from typing import Any

import numpy as np

from alexcli.records.analysis import ScatterPanel
from alexcli.render.predictions import short
from alexcli.render.style import COLOURS, MARKERS, TEXT

SCATTER_WIDTH = 9.0
SCATTER_HEIGHT = 7.0
"""Inches, including the legend."""
MOST_NAMED_CLASSES = 20
"""Most classes with names in a legend; more could not be told apart by their colours either."""
NAME_LENGTH = 24
"""Characters of a name in the legend."""
DOT_SIZE = 20
"""Area of a dot, in square points."""
THUMBNAIL_SHARE = 0.03
"""Side of a small image, as a fraction of the width of all points."""


def draw_scatter(panel: ScatterPanel, axis: Any) -> None:
    """Draw a panel into matplotlib's axes."""
    x = np.asarray(panel.x)
    y = np.asarray(panel.y)
    if panel.images is None:
        _draw_dots(panel, x, y, axis)
    else:
        _draw_images(panel.images, x, y, axis)
    axis.set_aspect("equal", adjustable="datalim")
    axis.set(xticks=[], yticks=[], title=panel.title)


def _draw_dots(panel: ScatterPanel, x: Any, y: Any, axis: Any) -> None:
    """A dot for each point, with a legend unless there are too many classes.

    After the last colour they start again, with another marker.
    """
    names = sorted(set(panel.classes))
    classes = np.asarray(panel.classes)
    for number, name in enumerate(names):
        chosen = classes == name
        axis.scatter(
            x[chosen],
            y[chosen],
            s=DOT_SIZE,
            color=COLOURS[number % len(COLOURS)],
            marker=MARKERS[(number + number // len(COLOURS)) % len(MARKERS)],
            linewidths=0,
            label=short(name, NAME_LENGTH),
        )
    if len(names) <= MOST_NAMED_CLASSES:
        axis.legend(fontsize=TEXT, loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)


def _draw_images(images: Any, x: Any, y: Any, axis: Any) -> None:
    """Draw a small image centred on each point; later ones cover earlier ones."""
    half = THUMBNAIL_SHARE / 2 * max(np.ptp(x), np.ptp(y), 1e-30)
    for image, left, bottom in zip(images, x - half, y - half, strict=True):
        axis.imshow(image, extent=(left, left + 2 * half, bottom, bottom + 2 * half))
    axis.set(xlim=(x.min() - half, x.max() + half), ylim=(y.min() - half, y.max() + half))
