"""Wrapping texts: sentences in a terminal, titles and captions in a figure."""

import textwrap

from alexcli.render.escape import printable

COMMAND_NEXT = "next: "
"""Start of a line with the command to run next."""
POINTS_PER_INCH = 72
CHARACTER_WIDTH = 0.64
"""Width of a character as a fraction of the font size: the mean of English text, plus 20%."""


def wrap_sentences(text: str, width: int) -> str:
    """Wrap sentences to a width, in characters.

    A longer path stays whole, and so does a line with a command, so that it can be copied.
    """
    return "\n".join(
        line
        if line.startswith(COMMAND_NEXT)
        else textwrap.fill(line, width, break_long_words=False, break_on_hyphens=False)
        for line in text.splitlines()
    )


def wrap_title(text: str, width: float, font_size: float) -> str:
    """Break a text into lines, and keep its own line breaks.

    Args:
        text: of one or more lines.
        width: inches in which the longest line must fit.
        font_size: points.
    """
    length = max(1, int(width * POINTS_PER_INCH / (CHARACTER_WIDTH * font_size)))
    lines = printable(text, lines=True).split("\n")
    return "\n".join(textwrap.fill(line, length) for line in lines)
