"""Random images: as arrays, as a store, and as folders of files."""

from pathlib import Path

import numpy as np
from PIL import Image

from alexcli.data.dataset import Dataset
from alexcli.data.images import ArrayImages
from alexcli.data.store_writer import write_store
from alexcli.reporter import NullReporter
from alexcli.schema import Encoding, PrepareSpec

TRAIN = 640
VAL = 60
CLASSES = 5
SIDE = 8
IMAGES = np.random.default_rng(0).integers(0, 256, (TRAIN + VAL, SIDE, SIDE, 3), dtype=np.uint8)
LABELS = np.arange(TRAIN + VAL) % CLASSES


def array_dataset() -> Dataset:
    """TRAIN and VAL images in memory."""
    return Dataset(
        classes=[f"class{number}" for number in range(CLASSES)],
        train=ArrayImages(IMAGES[:TRAIN], LABELS[:TRAIN]),
        val=ArrayImages(IMAGES[TRAIN:], LABELS[TRAIN:]),
        test=None,
        fingerprint="none",
        size=SIDE,
        resize="as it comes: 8",
    )


def make_array_store(path: Path, encoding: Encoding = Encoding.raw) -> Path:
    """A store of `array_dataset()`: 40 chunks of 16 training images, and 4 of validation images."""
    spec = PrepareSpec(encoding=encoding, processes=1)
    write_store(array_dataset(), path, spec, NullReporter())
    return path


def make_noise_folders(root: Path) -> Path:
    """Noise of many shapes in the classes ant and bee: 2 x 20 to train, 2 x 3 to validate."""
    rng = np.random.default_rng(0)
    for split, count in (("train", 20), ("val", 3)):
        for name in ("ant", "bee"):
            folder = root / split / name
            folder.mkdir(parents=True)
            for number in range(count):
                height, width = rng.integers(26, 60, 2)
                noise = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
                Image.fromarray(noise).save(folder / f"{number:02}.png")
    return root
