"""Pictures of pictures: the mean image, and a sheet of what the net sees."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.text import Text

from alexcli.errors import UsageError, written
from alexcli.results import DataStatistics, Preview

BARE: dict[str, Any] = {"xticks": [], "yticks": []}
HINT = "--out figures/name.png"


def thumbnail(image: Any, columns: int = 32) -> str:
    """A small picture for a terminal, two pixels a character; nothing where there is no colour.

    Args:
        image: (H, W, 3) uint8.
        columns: width in characters.
    """
    console = Console()
    if not console.is_terminal or console.no_color:
        return ""
    from PIL import Image

    high = columns * image.shape[0] // image.shape[1] // 2 * 2
    small = np.asarray(Image.fromarray(image).resize((columns, high), Image.Resampling.BOX))
    drawn = Text()
    for y in range(0, high, 2):
        for x in range(columns):
            top, bottom = (small[y + dy, x].tobytes().hex() for dy in (0, 1))
            drawn.append("▀", style=f"#{top} on #{bottom}")
        drawn.append("\n")
    with console.capture() as captured:
        console.print(drawn, end="")
    return captured.get()


def draw_mean(found: DataStatistics, numbers: dict[str, Any], out: Path) -> None:
    """mean.png and statistics.json in a folder.

    Raises:
        UsageError: they cannot be written.
    """
    figure, axes = _figure(1, 1, (4.2, 4.8))
    axes[0].imshow(found.mean_image)
    axes[0].set_title(f"mean of {found.pictures:,} training pictures")
    means = ", ".join(f"{m:.1f}" for m in found.channel_means)
    figure.supxlabel(f"grey levels R, G, B: {means}; data {found.data}", fontsize=9)
    with written(f"--out {out}", hint=HINT):
        out.mkdir(parents=True, exist_ok=True)
        (out / "statistics.json").write_text(json.dumps(numbers, indent=1) + "\n", encoding="utf-8")
    _save(figure, out / "mean.png")


def draw_preview(sheet: Preview, out: Path) -> None:
    """One sheet: the stored picture, the mean image, three colour components, ten views.

    Raises:
        UsageError: the file cannot be written.
    """
    figure, axes = _figure(3, 5, (13, 8.4))
    first = [("stored picture", sheet.original), ("mean image", sheet.mean_image)]
    first += [
        (f"colour component {i}, -3 to 3 stdev\n1 stdev: {stdev:.1f} grey levels", strip)
        for i, (strip, stdev) in enumerate(zip(sheet.components, sheet.stdevs, strict=True), 1)
    ]
    views = [(f"view of epoch {epoch}", seen) for epoch, seen in enumerate(sheet.seen, 1)]
    for axis, (title, picture) in zip(axes, first + views, strict=True):
        axis.imshow(picture, aspect="auto" if picture.shape[0] * 4 < picture.shape[1] else "equal")
        axis.set_title(title, fontsize=9)
    figure.suptitle(f"What the net sees of {sheet.name}")
    figure.supxlabel(
        "views: random crop, reflection and colour noise; the mean colour is added back", fontsize=9
    )
    _save(figure, out)


def _figure(rows: int, columns: int, inches: tuple[float, float]) -> tuple[Any, list[Any]]:
    """A figure that needs no display, and its panels without ticks."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=inches, layout="constrained")
    axes = list(figure.subplots(rows, columns, squeeze=False, subplot_kw=BARE).flat)
    return figure, axes


def _save(figure: Any, path: Path) -> None:
    try:
        with written(f"--out {path}", hint=HINT):
            path.parent.mkdir(parents=True, exist_ok=True)
            figure.savefig(path, dpi=110)
    except ValueError as error:  # an ending that is no picture format
        raise UsageError(f"--out {path} cannot be written: {error}", hint=HINT) from error
