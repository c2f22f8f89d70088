import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from alexcli.data.cached_statistics import training_statistics
from alexcli.data.open import open_dataset
from alexcli.errors import UsageError
from alexcli.schema import DataSpec, OnError, Resize, Source
from tests.data.class_folders import make_class_folders


def _spec(root: Path, **keys: object) -> DataSpec:
    return DataSpec(source=Source.folder, root=str(root), size=8, **keys)  # type: ignore[arg-type]


def test_folders_become_splits_with_sorted_classes(tmp_path: Path) -> None:
    root = make_class_folders(tmp_path, {"train": 4, "val": 2, "test": 3})
    dataset = open_dataset(_spec(root))
    assert dataset.classes == ["a", "b", "c"]
    assert (len(dataset.train), len(dataset.val), len(dataset.test or [])) == (12, 6, 9)
    assert dataset.train.labels.tolist() == [0] * 4 + [1] * 4 + [2] * 4
    assert dataset.train.fetch([0, 5]).shape == (2, 8, 8, 3)
    assert dataset.note is None


def test_the_fingerprint_follows_the_images_not_their_path(tmp_path: Path) -> None:
    first = open_dataset(_spec(make_class_folders(tmp_path / "first", {"train": 3, "val": 1})))
    second = open_dataset(_spec(make_class_folders(tmp_path / "second", {"train": 3, "val": 1})))
    assert first.fingerprint == second.fingerprint
    (tmp_path / "second/train/a/0.png").unlink()
    smaller = open_dataset(_spec(tmp_path / "second"))
    assert smaller.fingerprint != first.fingerprint


def test_the_fingerprint_follows_the_way_of_resizing(tmp_path: Path) -> None:
    root = make_class_folders(tmp_path, {"train": 2, "val": 1})
    shorter_side = open_dataset(_spec(root))
    warped = open_dataset(_spec(root, resize=Resize.warp))
    assert shorter_side.fingerprint != warped.fingerprint


def _remove(*folders: str) -> Callable[[Path], None]:
    def remove(root: Path) -> None:
        for folder in folders:
            shutil.rmtree(root / folder)

    return remove


def _add_class(root: Path) -> None:
    (root / "val/d").mkdir()


def _rename_image(root: Path) -> None:
    (root / "train/b/0.png").rename(root / "train/b/0.txt")


@pytest.mark.parametrize(
    ("break_folders", "problem"),
    [
        (_remove(""), "does not exist"),
        (_remove("train", "val"), "no folder train"),
        (_remove("val"), "no folder val"),
        (_remove("train/a", "train/b", "train/c"), "0 class folders"),
        (_remove("train/a", "train/b"), "1 class folder;"),
        (_add_class, "which train lacks"),
        (_rename_image, "holds no images"),
    ],
    ids=["missing", "empty", "no_val", "no_classes", "one_class", "extra_class", "no_images"],
)
def test_bad_roots_are_refused_with_what_is_wrong(
    tmp_path: Path, break_folders: Callable[[Path], None], problem: str
) -> None:
    root = make_class_folders(tmp_path / "data", {"train": 1, "val": 1})
    break_folders(root)
    with pytest.raises(UsageError) as caught:
        open_dataset(_spec(root))
    assert problem in caught.value.message
    assert caught.value.hint


def test_one_class_alone_is_refused_and_its_parent_named(tmp_path: Path) -> None:
    root = make_class_folders(tmp_path / "photos", {"": 2})
    with pytest.raises(UsageError, match="but no class folders") as error:
        open_dataset(_spec(root / "a"))
    assert str(error.value.hint).startswith(f"data.root={root}, whose folders are the classes")
    shutil.rmtree(root / "b")
    shutil.rmtree(root / "c")
    with pytest.raises(UsageError, match="but no class folders") as error:
        open_dataset(_spec(root / "a"), net_classes=["a", "b"])
    assert str(error.value.hint).startswith(f"one folder for each class: {root}/a/CLASS")


def test_data_sets_beside_a_folder_of_images_have_no_part_in_its_error(tmp_path: Path) -> None:
    for name in ("one", "two"):
        make_class_folders(tmp_path / name, {"train": 1, "val": 1})
    photos = tmp_path / "photos"
    photos.mkdir()
    Image.new("RGB", (8, 8)).save(photos / "0.png")
    with pytest.raises(UsageError, match=f"data.root={photos} holds images, but no") as caught:
        open_dataset(_spec(photos), net_classes=["a", "b"])
    assert f"alexcli predict {photos} needs no classes" in str(caught.value.hint)


def test_a_missing_root_near_a_real_one_is_suggested(tmp_path: Path) -> None:
    make_class_folders(tmp_path / "pictures", {"train": 1, "val": 1})
    with pytest.raises(UsageError) as caught:
        open_dataset(_spec(tmp_path / "picture"))
    assert caught.value.hint == f"did you mean {tmp_path / 'pictures'}?"


def test_a_split_in_the_place_of_the_root_is_named(tmp_path: Path) -> None:
    root = make_class_folders(tmp_path / "of_classes", {"train": 1, "val": 1})
    flat = make_class_folders(tmp_path / "flat", {"train": 1})
    (flat / "val/images").mkdir(parents=True)
    Image.new("RGB", (8, 8)).save(flat / "val/images/0.png")
    for split in (root / "train", root / "val", flat / "val"):
        with pytest.raises(UsageError, match=f"is one of the splits of {split.parent}") as caught:
            open_dataset(_spec(split))
        assert caught.value.hint == f"data.root={split.parent}"


def test_undecodable_files_are_left_out_and_counted_when_asked(tmp_path: Path) -> None:
    root = make_class_folders(tmp_path, {"train": 3, "val": 2})
    content = (root / "train/b/1.png").read_bytes()
    (root / "train/b/1.png").write_bytes(content[: len(content) // 2])
    (root / "val/a/0.png").write_bytes(b"")
    dataset = open_dataset(_spec(root, on_error=OnError.skip))
    assert (len(dataset.train), len(dataset.val), dataset.skipped) == (8, 5, 2)
    assert dataset.train.fetch(range(8)).shape == (8, 8, 8, 3)


def test_leaving_out_no_file_changes_nothing(tmp_path: Path) -> None:
    root = make_class_folders(tmp_path, {"train": 3, "val": 2})
    skipping = open_dataset(_spec(root, on_error=OnError.skip))
    assert skipping.skipped == 0
    assert skipping.fingerprint == open_dataset(_spec(root)).fingerprint


def test_a_file_that_was_repaired_is_no_longer_left_out(tmp_path: Path) -> None:
    root = make_class_folders(tmp_path, {"train": 3, "val": 2})
    path = root / "train/b/1.png"
    content = path.read_bytes()
    path.write_bytes(bytes(len(content)))
    assert open_dataset(_spec(root, on_error=OnError.skip)).skipped == 1
    path.write_bytes(content)
    assert open_dataset(_spec(root, on_error=OnError.skip)).skipped == 0


def test_a_flat_test_folder_is_left_out_and_named(tmp_path: Path) -> None:
    root = make_class_folders(tmp_path, {"train": 2, "val": 1})
    (root / "test").mkdir()
    Image.new("RGB", (9, 9)).save(root / "test/0.png")
    dataset = open_dataset(_spec(root))
    assert dataset.test is dataset.val
    assert "test is left out" in (dataset.note or "")


@pytest.mark.parametrize("folder", ["test", "test/images"])
def test_a_flat_test_folder_alone_is_refused(tmp_path: Path, folder: str) -> None:
    (tmp_path / folder).mkdir(parents=True)
    Image.new("RGB", (8, 8)).save(tmp_path / folder / "0.png")
    with pytest.raises(UsageError, match="/test, and they have no labels") as caught:
        open_dataset(_spec(tmp_path), net_classes=["a", "b"], needs_val=False)
    assert f"alexcli predict {tmp_path}/test " in (caught.value.hint or "")


def test_nothing_is_written_into_the_data_folder(tmp_path: Path) -> None:
    root = make_class_folders(tmp_path / "data", {"train": 3, "val": 1})
    before = sorted(root.rglob("*"))
    training_statistics(open_dataset(_spec(root, on_error=OnError.skip)))
    assert sorted(root.rglob("*")) == before


def test_fetched_images_are_the_files(tmp_path: Path) -> None:
    root = make_class_folders(tmp_path, {"train": 2, "val": 1}, size=(8, 8))
    dataset = open_dataset(_spec(root))
    stored = np.asarray(Image.open(root / "train/b/1.png"))
    assert np.array_equal(dataset.train.fetch([3])[0], stored)


def test_a_class_without_validation_images_is_said(tmp_path: Path) -> None:
    root = make_class_folders(tmp_path, {"train": 2, "val": 1})
    shutil.rmtree(root / "val/b")
    dataset = open_dataset(_spec(root))
    assert dataset.val.labels.tolist() == [0, 2]
    assert "val has no images of b" in (dataset.note or "")


def test_a_link_that_leads_nowhere_is_an_undecodable_file(tmp_path: Path) -> None:
    root = make_class_folders(tmp_path, {"train": 2, "val": 1})
    (root / "train/a/2.png").symlink_to("/nowhere/2.png")
    dataset = open_dataset(_spec(root))
    with pytest.raises(UsageError, match=r"2\.png cannot be decoded: a link that leads nowhere"):
        dataset.train.fetch([2])
    skipping = open_dataset(_spec(root, on_error=OnError.skip))
    assert (len(skipping.train), skipping.skipped) == (6, 1)


def test_names_of_any_bytes_have_a_fingerprint(tmp_path: Path) -> None:
    root = make_class_folders(tmp_path, {"train": 1, "val": 1})
    name = os.fsdecode(b"caf\xe9.png")
    (root / "train/a/0.png").rename(root / "train/a" / name)
    assert open_dataset(_spec(root)).train.names()[0] == f"a/{name}"


def test_unicode_forms_of_a_class_are_one_class(tmp_path: Path) -> None:
    root = make_class_folders(tmp_path, {"train": 1, "val": 1})
    (root / "train/a").rename(root / "train/caf\u00e9")
    (root / "val/a").rename(root / "val/cafe\u0301")
    dataset = open_dataset(_spec(root))
    assert dataset.classes == ["b", "c", "caf\u00e9"]
    assert dataset.val.labels.tolist() == [0, 1, 2]
