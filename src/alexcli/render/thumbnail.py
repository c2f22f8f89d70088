"""A small image in the terminal."""

from typing import TYPE_CHECKING

import numpy as np
from rich.console import Console
from rich.text import Text

from alexcli.render.tables import printed

if TYPE_CHECKING:
    import numpy.typing as npt

SIDE = 32
"""Pixels of a thumbnail's side; a character shows two pixels, one above the other."""


def thumbnail(image: "npt.NDArray[np.uint8]") -> str:
    """A square image as text; empty without a terminal, or if it has no colours.

    Args:
        image: (S, S, 3) uint8.
    """
    console = Console()
    if not console.is_terminal or console.no_color:
        return ""
    from PIL import Image

    pixels = np.asarray(Image.fromarray(image).resize((SIDE, SIDE), Image.Resampling.BOX))
    text = Text()
    for upper_row, lower_row in zip(pixels[::2], pixels[1::2], strict=True):
        for upper, lower in zip(upper_row, lower_row, strict=True):
            text.append("▀", style=f"#{upper.tobytes().hex()} on #{lower.tobytes().hex()}")
        text.append("\n")
    return printed(text[:-1])
