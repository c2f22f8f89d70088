"""Confusion as a picture."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from alexcli.results import Ints

MOST = 50  # classes whose names can still be read


def draw_confusion(counts: "Ints", names: Sequence[str], title: str, path: Path) -> None:
    """Write a PNG: row the label, column the best guess, shade the share of the row's pictures.

    Args:
        counts: (K, K).
        names: of the K classes.
        title: which net, split and protocol.
        path: of the PNG.
    """
    from matplotlib.figure import Figure

    share = counts / counts.sum(axis=1, keepdims=True).clip(min=1)
    side = 3 + 0.32 * len(names)
    figure = Figure(figsize=(side + 1, side), layout="constrained")
    axes = figure.subplots()
    shown = axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    short = [name if len(name) <= 20 else f"{name[:19]}\u2026" for name in names]
    places = range(len(names))
    axes.set_xticks(places, short, rotation=90)
    axes.set_yticks(places, short)
    axes.set(xlabel="best guess", ylabel="label", title=title)
    if len(names) <= 20:
        for row, column in zip(*counts.nonzero(), strict=True):
            colour = "white" if share[row, column] > 0.5 else "black"
            number = str(counts[row, column])
            axes.text(column, row, number, ha="center", va="center", color=colour, size=8)
    figure.colorbar(shown, label="share of the label's pictures", shrink=0.8)
    figure.savefig(path, dpi=150)
