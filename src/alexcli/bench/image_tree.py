"""Class folders of images, as many as a benchmark needs."""

import math
from pathlib import Path

from PIL import Image

from alexcli.data import synthetic
from alexcli.data.decode import SUFFIXES
from alexcli.errors import UsageError

SYNTHETIC_COUNT = 200
SYNTHETIC_SIDE = 450
"""Pixels: a photograph's usual size."""


def image_tree(source: Path | None, tree: Path, count: int, *, most_files: int) -> Path:
    """Class folders of links to images, repeated until there are enough.

    Args:
        source: any folder with images below it; None makes synthetic ones.
        tree: the new folder; its images are in train/CLASS.
        count: images at least.
        most_files: different files at most.

    Raises:
        UsageError: a folder without images, or no folder.
    """
    folder = source or _synthetic_files(tree.parent / "synthetic")
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    files = files[:most_files]
    if not files:
        problem = "holds no images" if folder.is_dir() else "is not a folder"
        raise UsageError(f"{folder} {problem}", hint="name a folder of photographs")
    repetitions = math.ceil(count / len(files))
    for number, path in enumerate(files * repetitions):
        link = tree / "train" / f"class{number % 2}" / f"{number:06}{path.suffix}"
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(path.resolve())
    return tree


def _synthetic_files(folder: Path) -> Path:
    """Embedded images as JPEG files of a photograph's usual size."""
    folder.mkdir(exist_ok=True)
    images, _ = synthetic.draw("train", SYNTHETIC_COUNT, size=SYNTHETIC_SIDE, seed=0)
    for number, image in enumerate(images):
        landscape = Image.fromarray(image[: SYNTHETIC_SIDE * 3 // 4])
        landscape.save(folder / f"{number:04}.jpg", quality=90)
    return folder
