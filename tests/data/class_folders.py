"""Folders of random images, sorted by class as a user's own data is."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image


def make_class_folders(
    root: Path,
    splits: dict[str, int],
    classes: Iterable[str] = "abc",
    *,
    size: tuple[int, int] = (20, 16),
) -> Path:
    """Write a number of random PNG files to each of the class folders of each split.

    Args:
        root: the data folder to make.
        splits: images in each class folder, by split.
        classes: names of the class folders.
        size: width and height of the images.

    Returns:
        `root`.
    """
    width, height = size
    rng = np.random.default_rng(0)
    for split, count in splits.items():
        for name in classes:
            folder = root / split / name
            folder.mkdir(parents=True)
            for number in range(count):
                pixels = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(folder / f"{number}.png")
    return root
