import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from alexcli.data.decode import ResizeSpec
from alexcli.data.images import ArrayImages, FileImages, LocalImages

COLOURS = ["red", "green", "blue"]
LABELS = np.array([5, 6, 7])


@pytest.fixture(params=["files", "arrays"])
def images(request: pytest.FixtureRequest, tmp_path: Path) -> LocalImages:
    """Three images of one colour each, as files and in memory."""
    paths = [tmp_path / "split" / f"{colour}.png" for colour in COLOURS]
    paths[0].parent.mkdir()
    for path, colour in zip(paths, COLOURS, strict=True):
        Image.new("RGB", (4, 4), colour).save(path)
    files = FileImages(tmp_path / "split", paths, LABELS, ResizeSpec(4))
    if request.param == "files":
        return files
    return ArrayImages(files.fetch(range(3)), LABELS)


def test_images_are_fetched_in_the_order_of_the_indices(images: LocalImages) -> None:
    pixels = images.fetch([2, 0])
    assert pixels.shape == (2, 4, 4, 3)
    assert pixels[:, 0, 0].tolist() == [[0, 0, 255], [255, 0, 0]]
    assert np.array_equal(images.fetch_one(2), pixels[0])


def test_a_subset_keeps_images_labels_and_names_together(images: LocalImages) -> None:
    subset = images.subset(np.array([2, 1]))
    assert len(subset) == 2
    assert subset.labels.tolist() == [7, 6]
    assert np.array_equal(subset.fetch([0]), images.fetch([2]))


def test_local_images_are_all_equally_near(images: LocalImages) -> None:
    assert images.groups() is None


def test_files_are_named_below_their_folder(tmp_path: Path) -> None:
    paths = [tmp_path / "train" / "cat" / "1.png"]
    images = FileImages(tmp_path / "train", paths, LABELS[:1], ResizeSpec(4))
    assert images.names() == ["cat/1.png"]


def test_the_stamp_of_a_file_follows_its_time_and_size(tmp_path: Path) -> None:
    path = tmp_path / "1.png"
    path.write_bytes(b"abc")
    os.utime(path, ns=(5, 5))
    images = FileImages(tmp_path, [path], LABELS[:1], ResizeSpec(4))
    assert images.stamps() == [[3, 5]]
    os.utime(path, ns=(6, 6))
    assert images.stamps() == [[3, 6]]


def test_the_stamp_of_an_array_follows_its_pixels() -> None:
    pixels = np.zeros((2, 4, 4, 3), dtype=np.uint8)
    pixels[1, 0, 0, 0] = 1
    first, second = ArrayImages(pixels, LABELS[:2]).stamps()
    assert first[0] == second[0] == 48
    assert first != second


@pytest.mark.parametrize("root", [".", "/", "folder", "/folder", "./folder/"])
def test_a_name_is_the_whole_path_below_the_folder(root: str) -> None:
    paths = [Path(root) / "cat/1.png", Path(root) / "dog/1.png"]
    images = FileImages(Path(root), paths, np.array([0, 1]), ResizeSpec(4))
    assert images.names() == ["cat/1.png", "dog/1.png"]
