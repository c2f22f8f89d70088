"""Pictures and what a net sees in them: in the terminal, and as Figure 4 (left) of the paper."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.bar import Bar
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from alexcli.render.tables import percent, printed
from alexcli.results import Prediction

BAR = 30  # characters of a certain guess
EIGHTHS = 8 * BAR  # of a character, which a bar is exact to
SMALL = 32  # pixels of a thumbnail's side, which are characters
COLUMNS = 4  # pictures beside each other, as in Figure 4


def bars(found: Sequence[Prediction]) -> str:
    """Each picture with its guesses, their probabilities as bars."""
    parts: list[Text | RichTable] = []
    for one in found:
        label = f"  ({one.label_name})" if one.label_name else ""
        table = RichTable(box=None, show_header=False, padding=(0, 1))
        table.add_column(max_width=40, overflow="ellipsis", no_wrap=True)
        table.add_column(width=BAR)
        table.add_column(justify="right")
        for guess in one.guesses:
            colour = "green" if guess.class_ == one.label else "cyan"
            bar = Bar(EIGHTHS, 0, round(guess.p * EIGHTHS), width=BAR, color=colour)
            table.add_row(guess.name, bar, percent(guess.p))
        parts += [Text.assemble((one.file, "bold"), label), table]
    return printed(*parts)


def thumbnail(image: Any) -> str:
    """A square (S, S, 3) uint8 for a terminal, two pixels a character; nothing without colours."""
    console = Console()
    if not console.is_terminal or console.no_color:
        return ""
    from PIL import Image

    small = np.asarray(Image.fromarray(image).resize((SMALL, SMALL), Image.Resampling.BOX))
    drawn = Text()
    for above, below in zip(small[::2], small[1::2], strict=True):
        for top, bottom in zip(above, below, strict=True):
            drawn.append("▀", style=f"#{top.tobytes().hex()} on #{bottom.tobytes().hex()}")
        drawn.append("\n")
    return printed(drawn[:-1])


def draw_guesses(found: Sequence[Prediction], title: str) -> Any:
    """Figure 4 (left): each picture, its label, and a bar for each guess, the right one red."""
    from matplotlib.figure import Figure
    from PIL import Image, ImageOps

    columns = min(COLUMNS, len(found))
    rows = -(-len(found) // columns)
    high = 4.3 * rows
    dpi = min(150, 60_000 / (high + 0.4))  # Agg draws 65,536 rows at most
    figure: Any = Figure(figsize=(2.9 * columns, high + 0.4), dpi=dpi)
    head, body = figure.subfigures(2, 1, height_ratios=(0.4, high))
    head.suptitle(title, fontsize=9, y=0.7)
    # Fixed margins: matplotlib would take a minute to find its own for a hundred pictures.
    margins = {"left": 0.04, "right": 0.96, "top": 0.93, "bottom": 0.03, "hspace": 0.04}
    for part, one in zip(body.subfigures(rows, columns, squeeze=False).flat, found, strict=False):
        above, below = part.subplots(2, 1, height_ratios=(3, 1.6), gridspec_kw=margins)
        shown = one.picture
        if shown is None:
            with Image.open(one.file) as picture:
                shown = ImageOps.contain(picture.convert("RGB"), (512, 512))
        above.imshow(shown)
        above.set_axis_off()
        above.set_title(short(one.label_name or Path(one.file).name, 28), fontsize=9)
        _guesses(below, one)
    return figure


def _guesses(axes: Any, one: Prediction) -> None:
    """Bars with the names written over them, as in the paper."""
    places = range(len(one.guesses))
    colours = ["#d9534f" if guess.class_ == one.label else "#8fb3e0" for guess in one.guesses]
    axes.barh(places, [guess.p for guess in one.guesses], color=colours, height=0.85)
    for place, guess in zip(places, one.guesses, strict=True):
        axes.text(0.02, place, short(guess.name, 28), va="center", fontsize=8)
        axes.text(0.99, place, percent(guess.p), va="center", ha="right", fontsize=7, color="0.35")
    axes.set(xlim=(0, 1), xticks=[], yticks=[])
    axes.invert_yaxis()


def short(name: str, most: int) -> str:
    """A name of so many characters at most."""
    return name if len(name) <= most else f"{name[: most - 1]}\u2026"
