"""Titles and captions of figures, in lines that are as long as there is room."""

import textwrap

from alexcli.render.foreign import printable

POINTS_PER_INCH = 72
CHARACTER_WIDTH = 0.64
"""Width of a character as a fraction of the font's size: an English text's mean, and 20% more."""


def wrapped(text: str, width: float, font_size: float) -> str:
    """A text broken into lines; a line break in it stays.

    Args:
        text: of one or more lines.
        width: inches in which the longest line must fit.
        font_size: points.
    """
    length = max(1, int(width * POINTS_PER_INCH / (CHARACTER_WIDTH * font_size)))
    lines = printable(text, lines=True).split("\n")
    return "\n".join(textwrap.fill(line, length) for line in lines)
