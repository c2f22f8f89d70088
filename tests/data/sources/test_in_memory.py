from pathlib import Path

import numpy as np
from PIL import Image

from alexcli.data.images import ArrayImages
from alexcli.data.open import open_dataset
from alexcli.data.sources.in_memory import cached_images, held_in_memory
from alexcli.schema import DataSpec, Source
from tests.data.class_folders import make_class_folders


def test_images_are_made_once_and_then_read_from_the_cache() -> None:
    splits_made: list[str] = []
    pixels = np.arange(2 * 3 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3, 3)

    def make(split: str) -> ArrayImages:
        splits_made.append(split)
        return ArrayImages(pixels, np.array([1, 0]))

    for _ in range(2):
        images = cached_images("made-once", ["train", "test"], make)
        assert np.array_equal(images["test"].images, pixels)
        assert images["test"].labels.tolist() == [1, 0]
    assert splits_made == ["train", "test"]


def test_images_held_in_memory_are_those_of_the_files(tmp_path: Path) -> None:
    root = make_class_folders(tmp_path, {"train": 2, "val": 1, "test": 1})
    files = open_dataset(DataSpec(source=Source.folder, root=str(root), size=8))
    held = held_in_memory(files)
    assert isinstance(held.train, ArrayImages)
    assert np.array_equal(held.train.fetch(range(6)), files.train.fetch(range(6)))
    assert np.array_equal(held.val.fetch(range(3)), files.val.fetch(range(3)))
    assert held.test is files.test
    assert held.fingerprint == files.fingerprint


def test_a_split_that_stands_in_for_another_still_does() -> None:
    images = ArrayImages(np.zeros((2, 3, 3, 3), dtype=np.uint8), np.array([0, 1]))
    spec = DataSpec(source=Source.synthetic, size=36, train_count=10, val_count=10)
    dataset = open_dataset(spec)
    dataset.fingerprint = "stand-in"
    dataset.train = images
    dataset.val = images
    dataset.test = None
    held = held_in_memory(dataset)
    assert held.val is held.train
    assert held.test is None


def test_an_edited_file_of_the_same_size_is_decoded_again(tmp_path: Path) -> None:
    root = make_class_folders(tmp_path, {"train": 2, "val": 1})
    spec = DataSpec(source=Source.folder, root=str(root), size=8)
    for colour in ("black", "white"):
        image = Image.new("RGB", (8, 8), colour)
        image.save(root / "train/a/0.png", compress_level=0)
        held = held_in_memory(open_dataset(spec))
        assert np.array_equal(held.train.fetch([0])[0], np.asarray(image))
