import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import pytest
from PIL import Image

from alexcli.data.open import open_dataset
from alexcli.data.sources import file_identity
from alexcli.reporter import NullReporter
from alexcli.schema import DataSpec, Source

UNCOMPRESSED = ["bmp", "BMP", "ppm", "tif", "tga"]


def make_folder(root: Path, suffix: str, colour: str = "black") -> Path:
    """Images of one colour in two classes, with names and sizes that do not depend on it."""
    for split in ("train", "val"):
        for name in ("cat", "dog"):
            path = root / split / name / f"0.{suffix}"
            path.parent.mkdir(parents=True)
            Image.new("RGB", (8, 8), colour).save(path)
    return root


def fingerprint(root: Path) -> str:
    return open_dataset(DataSpec(Source.folder, str(root), size=8), NullReporter()).fingerprint


@contextmanager
def files_read() -> Iterator[list[str]]:
    """The names of the files that are read in the block."""
    names: list[str] = []

    def read(path: Path) -> str:
        names.append(path.name)
        return path.read_bytes().hex()

    with patch.object(file_identity, "file_checksum", read):
        yield names


@pytest.mark.parametrize("suffix", UNCOMPRESSED)
def test_images_that_differ_only_in_pixels_are_different_data(tmp_path: Path, suffix: str) -> None:
    black = make_folder(tmp_path / "black", suffix)
    white = make_folder(tmp_path / "white", suffix, "white")
    assert fingerprint(black) != fingerprint(white)
    assert fingerprint(black) == fingerprint(black.rename(tmp_path / "moved"))


def test_an_image_that_is_edited_in_place_makes_other_data(tmp_path: Path) -> None:
    root = make_folder(tmp_path / "data", "ppm")
    before = fingerprint(root)
    path = root / "train/cat/0.ppm"
    status = path.stat()
    Image.new("RGB", (8, 8), "white").save(path)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert fingerprint(root) != before


def test_files_are_read_once_and_compressed_ones_never(tmp_path: Path) -> None:
    root = make_folder(tmp_path / "data", "bmp")
    Image.new("RGB", (8, 8)).save(root / "train/cat/1.png")
    with files_read() as names:
        first = fingerprint(root)
        assert names == 4 * ["0.bmp"]
        assert fingerprint(root) == first
        assert names == 4 * ["0.bmp"]


def test_the_fingerprint_of_photographs_is_the_one_of_recorded_results(tmp_path: Path) -> None:
    root = tmp_path / "data"
    for split, name, size in (("train", "a", 3), ("train", "b", 1000), ("val", "a", 7)):
        for suffix in ("jpg", "JPEG", "png"):
            path = root / split / name / f"{size}.{suffix}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(bytes(size))
    assert fingerprint(root) == "a1ebe87bfa6db362"


def test_a_pipe_and_a_link_that_leads_nowhere_are_not_waited_for(tmp_path: Path) -> None:
    root = make_folder(tmp_path / "data", "bmp")
    before = fingerprint(root)
    os.mkfifo(root / "train/cat/1.bmp")
    (root / "train/dog/1.bmp").symlink_to("/nowhere/1.bmp")
    assert fingerprint(root) != before
