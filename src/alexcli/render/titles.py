"""Wrapping titles and captions of figures to the available width."""

import textwrap

from alexcli.render.foreign import printable

POINTS_PER_INCH = 72
CHARACTER_WIDTH = 0.64
"""Width of a character as a fraction of the font size: the mean of English text, plus 20%."""


def wrapped(text: str, width: float, font_size: float) -> str:
    """Break a text into lines, and keep its own line breaks.

    Args:
        text: of one or more lines.
        width: inches in which the longest line must fit.
        font_size: points.
    """
    length = max(1, int(width * POINTS_PER_INCH / (CHARACTER_WIDTH * font_size)))
    lines = printable(text, lines=True).split("\n")
    return "\n".join(textwrap.fill(line, length) for line in lines)
