"""The style of figures: font sizes, colours for the colour-blind, fonts for any script."""

import contextlib
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from alexcli.files import atomic_path
from alexcli.render.escape import printable

TITLE = 12
"""Points of the title of a figure."""
HEADING = 10
"""Points of the title of a panel, and of the names of its axes."""
TEXT = 8
"""Points of all other text."""
SMALL = 6
"""Points of captions above small tiles."""
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#888888")
"""Colours of curves that the colour-blind can tell apart (Okabe and Ito 2008), with gray in place
of yellow, which is too light.
"""
MARKERS = "os^DvPXp"
"""Markers of curves, so that they also differ in print without colours."""
FONT = "DejaVu Sans"
"""Comes with matplotlib: Latin, Greek, Cyrillic, and some Arabic and Hebrew."""
OTHER_FONTS = (
    *("Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Sans Devanagari", "Noto Sans Thai"),
    *("Noto Sans Bengali", "Noto Sans Tamil", "Noto Sans Ethiopic", "Noto Sans Armenian"),
    *("WenQuanYi Micro Hei", "Unifont"),
    *("PingFang SC", "Hiragino Sans", "Apple SD Gothic Neo", "Arial Unicode MS"),
    *("Microsoft YaHei", "Yu Gothic", "Malgun Gothic", "Nirmala UI", "Leelawadee UI"),
)
"""Fonts of Linux, macOS and Windows for scripts that FONT lacks; those installed are used."""


@contextlib.contextmanager
def style() -> Iterator[None]:
    """Draw figures in this style within the block, and save them without warnings about characters.

    A character that no font has is drawn as an empty box.
    """
    from matplotlib import rc_context

    settings: Any = {
        "text.parse_math": False,  # a dollar sign in a name starts no formula
        "font.family": _families(),
        "font.size": TEXT,
        "axes.labelsize": HEADING,
        "axes.titlesize": HEADING,
        "hatch.linewidth": 0.5,
        "axes.prop_cycle": _cycle(),
    }
    with rc_context(settings), warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"Glyph .* missing from ")
        warnings.filterwarnings("ignore", r"Matplotlib currently does not support .* natively")
        yield


def _families() -> list[str]:
    """The font that comes with matplotlib, then the installed ones that complement it."""
    from matplotlib.font_manager import get_font_names

    installed = set(get_font_names())
    return [FONT, *(name for name in OTHER_FONTS if name in installed)]


def _cycle() -> Any:
    from matplotlib.rcsetup import cycler

    return cycler(color=COLOURS, marker=list(MARKERS))


def _escape_texts(figure: Any) -> None:
    """Make every text of a figure printable: a name with invalid characters cannot be drawn."""
    from matplotlib.axis import Axis
    from matplotlib.text import Text
    from matplotlib.ticker import FuncFormatter

    for text in figure.findobj(Text):
        text.set_text(printable(text.get_text(), lines=True))
    for axis in figure.findobj(Axis):  # it formats its ticks whenever it is drawn
        formatter = axis.get_major_formatter()
        if isinstance(formatter, FuncFormatter):  # made of names
            axis.set_major_formatter(_printing(formatter))


def _printing(formatter: Any) -> Any:
    """A formatter of ticks that makes their texts printable."""
    return lambda value, position: printable(formatter(value, position), lines=True)


def save(figure: Any, path: Path) -> None:
    """Write a figure in the format of its file's suffix.

    Raises:
        OSError: it cannot be written.
        ValueError: there is no such format.
    """
    _escape_texts(figure)
    with style():  # ticks are only made now
        # matplotlib refuses this format with a list of those it knows.
        format_ = path.suffix[1:] or "without an ending"
        with atomic_path(path) as temporary:
            figure.savefig(temporary, format=format_)
