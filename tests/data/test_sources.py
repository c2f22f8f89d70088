from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from alexcli.data.dataset import training_statistics
from alexcli.data.pictures import Reading, read_square
from alexcli.data.sources import open_dataset
from alexcli.errors import UsageError
from alexcli.schema import DataSpec, OnError, Source


def make_folders(root: Path, splits: dict[str, int], *, size: tuple[int, int] = (20, 16)) -> Path:
    """Class folders a, b and c with a number of random PNGs each."""
    rng = np.random.default_rng(0)
    for split, count in splits.items():
        for name in "abc":
            folder = root / split / name
            folder.mkdir(parents=True)
            for i in range(count):
                pixels = rng.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
                Image.fromarray(pixels).save(folder / f"{i}.png")
    return root


def _spec(root: Path, **keys: object) -> DataSpec:
    return DataSpec(source=Source.folder, root=str(root), size=8, **keys)  # type: ignore[arg-type]


def test_folders_become_splits_with_sorted_classes(tmp_path: Path) -> None:
    data = open_dataset(_spec(make_folders(tmp_path, {"train": 4, "val": 2, "test": 3})))
    assert data.classes == ["a", "b", "c"]
    assert (len(data.train), len(data.val), len(data.test or [])) == (12, 6, 9)
    assert data.train.labels.tolist() == [0] * 4 + [1] * 4 + [2] * 4
    assert data.train.fetch([0, 5]).shape == (2, 8, 8, 3)
    assert data.note is None


def test_one_held_out_set_serves_as_both_and_says_so(tmp_path: Path) -> None:
    data = open_dataset(_spec(make_folders(tmp_path, {"train": 4, "val": 2})))
    assert data.test is data.val
    assert data.note is not None
    assert "only held-out set" in data.note


def test_a_fraction_is_split_off_by_seed_and_leaves_the_held_out_set_as_test(
    tmp_path: Path,
) -> None:
    root = make_folders(tmp_path, {"train": 10, "test": 2})
    data = open_dataset(_spec(root, val="0.2"))
    assert (len(data.train), len(data.val), len(data.test or [])) == (24, 6, 6)
    again, other = (
        open_dataset(_spec(root, val="0.2")),
        open_dataset(_spec(root, val="0.2", split_seed=1)),
    )
    assert np.array_equal(again.val.labels, data.val.labels)
    assert again.fingerprint == data.fingerprint != other.fingerprint
    everything = np.concatenate([data.train.fetch(range(24)), data.val.fetch(range(6))])
    whole = open_dataset(_spec(root)).train.fetch(range(30))
    assert sorted(map(bytes, everything)) == sorted(map(bytes, whole))


def test_the_fingerprint_follows_the_pictures_not_their_path(tmp_path: Path) -> None:
    a = open_dataset(_spec(make_folders(tmp_path / "here", {"train": 3, "val": 1})))
    b = open_dataset(_spec(make_folders(tmp_path / "there", {"train": 3, "val": 1})))
    assert a.fingerprint == b.fingerprint
    (tmp_path / "there/train/a/0.png").unlink()
    c = open_dataset(_spec(tmp_path / "there"))
    assert c.fingerprint != a.fingerprint


def test_resizing_takes_the_shorter_side_then_the_centre_square(tmp_path: Path) -> None:
    pixels = np.zeros((40, 100, 3), dtype=np.uint8)
    pixels[:, 30:70] = 255  # the centre square of a wide picture is white
    Image.fromarray(pixels).save(tmp_path / "wide.png")
    assert (read_square(tmp_path / "wide.png", Reading(40)) == 255).all()
    half = read_square(tmp_path / "wide.png", Reading(20))
    assert (half[:, 1:-1] == 255).all()  # antialiasing reaches one pixel in from the edge
    assert (half[:, 0] > 128).all()


@pytest.mark.parametrize("mode", ["L", "LA", "P", "CMYK", "RGBA", "1"])
def test_every_mode_becomes_rgb(tmp_path: Path, mode: str) -> None:
    path = tmp_path / f"x.{'tif' if mode == 'CMYK' else 'png'}"
    Image.new("RGB", (9, 9), (200, 200, 200)).convert(mode).save(path)
    assert read_square(path, Reading(9)).shape == (9, 9, 3)


@pytest.mark.parametrize(
    ("breakage", "words"),
    [
        ("missing", "does not exist"),
        ("empty", "no folder train"),
        ("no_val", "no folder val"),
        ("no_classes", "0 class folders"),
        ("one_class", "1 class folder;"),
        ("differ", "which train lacks"),
        ("lacks", "val lacks c"),
        ("no_pictures", "holds no pictures"),
    ],
)
def test_bad_roots_are_refused_with_what_is_wrong(
    tmp_path: Path, breakage: str, words: str
) -> None:
    root = tmp_path / "data"
    make_folders(root, {"train": 1, "val": 1})
    import shutil

    if breakage == "missing":
        root = tmp_path / "dato"
    elif breakage == "empty":
        shutil.rmtree(root / "train")
        shutil.rmtree(root / "val")
    elif breakage == "no_val":
        shutil.rmtree(root / "val")
    elif breakage == "no_classes":
        for name in "abc":
            shutil.rmtree(root / "train" / name)
    elif breakage == "one_class":
        for name in "ab":
            shutil.rmtree(root / "train" / name)
    elif breakage == "differ":
        (root / "val/d").mkdir()
    elif breakage == "lacks":
        shutil.rmtree(root / "val/c")
    elif breakage == "no_pictures":
        (root / "train/b/0.png").rename(root / "train/b/0.txt")
    with pytest.raises(UsageError) as caught:
        open_dataset(_spec(root))
    assert words in caught.value.message
    assert caught.value.hint


def test_a_missing_root_near_a_real_one_is_suggested(tmp_path: Path) -> None:
    make_folders(tmp_path / "pictures", {"train": 1, "val": 1})
    with pytest.raises(UsageError) as caught:
        open_dataset(_spec(tmp_path / "picture"))
    assert caught.value.hint == f"did you mean {tmp_path / 'pictures'}?"


def test_an_undecodable_file_stops_the_first_pass_naming_it(tmp_path: Path) -> None:
    root = make_folders(tmp_path, {"train": 3, "val": 1})
    (root / "train/b/1.png").write_bytes(b"not a picture")
    with pytest.raises(UsageError, match=r"train/b/1\.png cannot be decoded: not a picture"):
        training_statistics(open_dataset(_spec(root)))


def test_undecodable_files_are_left_out_and_counted_when_asked(tmp_path: Path) -> None:
    root = make_folders(tmp_path, {"train": 3, "val": 2})
    whole = (root / "train/b/1.png").read_bytes()
    (root / "train/b/1.png").write_bytes(whole[: len(whole) // 2])
    (root / "val/a/0.png").write_bytes(b"")
    data = open_dataset(_spec(root, on_error=OnError.skip))
    assert (len(data.train), len(data.val), data.skipped) == (8, 5, 2)
    assert data.train.fetch(range(8)).shape == (8, 8, 8, 3)


def test_without_a_held_out_folder_a_fraction_leaves_no_test_set(tmp_path: Path) -> None:
    data = open_dataset(_spec(make_folders(tmp_path, {"train": 10}), val="0.2"))
    assert (len(data.train), len(data.val)) == (24, 6)
    assert data.test is None


def test_a_broken_validation_picture_is_found_in_the_first_pass(tmp_path: Path) -> None:
    root = make_folders(tmp_path, {"train": 3, "val": 1})
    (root / "val/c/0.png").write_bytes(b"not a picture")
    with pytest.raises(UsageError, match=r"val/c/0\.png cannot be decoded"):
        training_statistics(open_dataset(_spec(root)))


def test_the_drawn_pictures_take_no_root() -> None:
    with pytest.raises(UsageError) as caught:
        open_dataset(DataSpec(source=Source.toy, root="/photos", size=36))
    assert "data=folder" in (caught.value.hint or "")


@pytest.mark.parametrize("value", ["0", "1", "1.5", "half", "-0.1"])
def test_a_bad_fraction_is_refused(tmp_path: Path, value: str) -> None:
    root = make_folders(tmp_path, {"train": 3, "val": 1})
    with pytest.raises(UsageError, match=r"data\.val="):
        open_dataset(_spec(root, val=value))


def test_cifar10_without_pictures_says_how_to_get_them(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        open_dataset(DataSpec(source=Source.cifar10, root=str(tmp_path), size=32))
    assert "data.download=true" in (caught.value.hint or "")


def test_cifar10_download_reaches_for_the_network_and_reports_it(tmp_path: Path) -> None:
    root = tmp_path / "new"
    spec = DataSpec(source=Source.cifar10, root=str(root), size=32, download=True)
    with pytest.raises(UsageError, match="could not be read from or downloaded"):
        open_dataset(spec)
    assert not root.exists()


def test_cifar10_reads_class_folders_into_memory(tmp_path: Path) -> None:
    root = make_folders(tmp_path, {"train": 4, "test": 2}, size=(32, 32))
    data = open_dataset(DataSpec(source=Source.cifar10, root=str(root), size=32))
    assert data.train.fetch([0]).shape == (1, 32, 32, 3)
    assert data.test is data.val
    stored = np.asarray(Image.open(root / "train/b/2.png"))
    assert np.array_equal(data.train.fetch([6])[0], stored)


def test_nothing_is_written_into_the_data_folder(tmp_path: Path) -> None:
    root = make_folders(tmp_path / "data", {"train": 3, "val": 1})
    before = sorted(root.rglob("*"))
    training_statistics(open_dataset(_spec(root, on_error=OnError.skip)))
    assert sorted(root.rglob("*")) == before
