"""The page of every figure that the commands draw, with a picture of each.

`python -m tests.results.gallery` trains the quick start, draws every figure from that run and
writes page and pictures anew; `--run RUN` takes a trained run in its place. The pictures are those
of one machine: on another the last digits of a training may differ, and so details.
"""

import argparse
import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

from tests.cli.command_line import run_command
from tests.results.pages import ROOT

PAGE = ROOT / "docs" / "gallery.md"
PICTURES = ROOT / "docs" / "gallery"
MOST_HEIGHT = 2000
"""Pixels of a picture."""
INTRODUCTION = """# Gallery

Every figure that `alexcli` draws, with the command that draws it. Where a run is looked into, it
is that of the quick start (`alexcli train`, within two minutes on two cores): without `--run` a
command takes the newest finished run. `--out DIR` writes the numbers of a figure beside it, as
json and csv.
`python -m tests.results.gallery` makes this page and its pictures anew.
"""


class Figure(NamedTuple):
    """A picture of the page."""

    title: str
    about: str
    command: str
    """What follows `alexcli`."""
    file: str
    """What the command writes."""


def _analysis(name: str, title: str, about: str, *words: str) -> Figure:
    command = " ".join(["analyze", name, *words, "--out figures"])
    return Figure(title, about, command, f"figures/{name}.png")


FIGURES = [
    _analysis("architecture", "Architecture", "Figure 2 of any net, to scale."),
    _analysis(
        "filters", "Filters", "Figure 3: the first layer's kernels, tower by tower, on one scale."
    ),
    _analysis(
        "predictions",
        "Predictions",
        "Figure 4, left: the most likely classes of images. `alexcli predict FILES --out FILE.png` "
        "draws the same for images of your own.",
    ),
    _analysis(
        "neighbors",
        "Nearest neighbours",
        "Figure 4, right: the nearest training images in a layer and in pixels; of another class: "
        "\u2717.",
        "count=5",
    ),
    _analysis("curves", "Learning curves", "Figure 1 for any runs; seeds form a band."),
    Figure(
        "Confusion",
        "Which classes a run takes for which, one row a label.",
        "eval --per-class --out figures",
        "figures/confusion.png",
    ),
    _analysis("saliency", "Saliency", "The gradient of the predicted class's score by the pixels."),
    _analysis("gradcam", "Grad-CAM", "Where the feature maps speak for the predicted class."),
    _analysis("occlusion", "Occlusion", "What covering a place costs the predicted class."),
    _analysis("maps", "Feature maps", "What each channel of a layer makes of one image."),
    _analysis("units", "Dead units and weights", "Channels that never fire; weights by layer."),
    _analysis("codes", "Binary codes", "Search by the short codes that section 6.1 proposes."),
    _analysis(
        "embedding",
        "Embedding",
        "Held-out images in a plane by t-SNE of a layer (extra `analysis`).",
        "points=500",
    ),
    _analysis(
        "probe", "Probe", "A linear classifier on a layer, and on random weights and pixels."
    ),
    _analysis("init", "Signal before the first step", "How much of an image reaches each layer."),
    _analysis("lr", "Learning-rate range test", "The loss while the learning rate grows."),
    _analysis("traffic", "Traffic", "What devices send each other in an update."),
    Figure(
        "Preview",
        "What the net reads of an image: ten augmented views, the mean, the colour components.",
        "data preview --index 3 --out figures/preview.png",
        "figures/preview.png",
    ),
    Figure(
        "Report",
        "One HTML file with all that is known of a run, or of several beside each other; "
        "`alexcli report STUDY` begins with a forest plot. Below: its first figures.",
        "report --out report.html",
        "report-runs.png",
    ),
]


def page() -> str:
    """The page, whose pictures are beside it."""
    parts = [INTRODUCTION]
    for figure in FIGURES:
        name = picture_of(figure).name
        parts.append(
            f"## {figure.title}\n\n{figure.about}\n\n```sh\nalexcli {figure.command}\n```\n\n"
            f"![{figure.title}](gallery/{name})\n"
        )
    return "\n".join(parts)


def picture_of(figure: Figure) -> Path:
    """Where the picture of a figure is kept."""
    return PICTURES / Path(figure.file).with_suffix(".webp").name


@contextlib.contextmanager
def _folder(run: Path | None) -> Iterator[None]:
    """A working folder with a trained run."""
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        if run is None:
            _run("train")
        else:
            target = Path("runs", run.parent.name)
            target.mkdir(parents=True)
            (target / run.name).symlink_to(run, target_is_directory=True)
        yield


def _run(command: str) -> None:
    outcome = run_command(*command.split())
    assert outcome.code == 0, outcome.err


def _keep(source: Path, target: Path) -> None:
    """Write a picture in a smaller format, pixel for pixel, and of a long one the beginning."""
    with Image.open(source) as image:
        rgb = image.convert("RGB")
    rgb = rgb.crop((0, 0, rgb.width, _end(np.asarray(rgb))))
    rgb.save(target, lossless=True, quality=100, method=6)


def _end(pixels: npt.NDArray[np.uint8]) -> int:
    """The height of a picture; of a long one the last empty row that is not too far down."""
    if len(pixels) <= MOST_HEIGHT:
        return len(pixels)
    (empty,) = (pixels[:MOST_HEIGHT] == 255).all(axis=(1, 2)).nonzero()
    return int(empty[-1])


def main() -> None:
    """Write page and pictures anew."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--run", type=Path, help="a trained run of the quick start")
    run = parser.parse_args().run
    PICTURES.mkdir(exist_ok=True)
    with _folder(run and run.resolve()):
        for figure in FIGURES:
            print(f"{figure.title} ...", flush=True)
            _run(figure.command)
            _keep(Path(figure.file), picture_of(figure))
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
