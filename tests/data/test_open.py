import importlib
import inspect
from pathlib import Path

import numpy as np
import pytest

from alexcli.config.files import choices
from alexcli.data.open import open_dataset, open_source
from alexcli.errors import UsageError
from alexcli.schema import DataSpec, PrepareSpec, Source, Split
from tests.data.class_folders import make_class_folders


def _spec(root: Path, **keys: object) -> DataSpec:
    return DataSpec(source=Source.folder, root=str(root), size=8, **keys)  # type: ignore[arg-type]


@pytest.mark.parametrize("source", list(Source))
def test_every_source_is_a_file_with_the_same_function_and_a_configuration(source: Source) -> None:
    module = importlib.import_module(f"alexcli.data.sources.{source.value}")
    signature = inspect.signature(module.open_splits)
    names = [name.lstrip("_") for name in signature.parameters]
    assert names == ["spec", "reporter", "net_classes"]
    public = [
        name
        for name, member in inspect.getmembers(module, inspect.isfunction)
        if member.__module__ == module.__name__ and not name.startswith("_")
    ]
    assert public == ["open_splits"]
    assert source.value in choices("data")


def test_a_lone_held_out_set_serves_as_val_and_test_and_the_note_says_so(tmp_path: Path) -> None:
    dataset = open_dataset(_spec(make_class_folders(tmp_path, {"train": 4, "val": 2})))
    assert dataset.test is dataset.val
    assert dataset.note is not None
    assert "only held-out set" in dataset.note


def test_of_images_that_nothing_was_trained_beside_no_note_speaks_of_a_choice(
    tmp_path: Path,
) -> None:
    root = make_class_folders(tmp_path, {"val": 2})
    classes = sorted(folder.name for folder in (root / "val").iterdir())
    dataset = open_dataset(_spec(root), net_classes=classes)
    assert dataset.note is None


def test_a_fraction_is_split_off_by_seed_and_leaves_the_held_out_set_as_test(
    tmp_path: Path,
) -> None:
    root = make_class_folders(tmp_path, {"train": 10, "test": 2})
    dataset = open_dataset(_spec(root, val="0.2"))
    assert (len(dataset.train), len(dataset.val), len(dataset.test or [])) == (24, 6, 6)
    assert dataset.note == "val is 6 images of the training set (seed 0)"
    again = open_dataset(_spec(root, val="0.2"))
    other_seed = open_dataset(_spec(root, val="0.2", split_seed=1))
    assert np.array_equal(again.val.labels, dataset.val.labels)
    assert again.fingerprint == dataset.fingerprint != other_seed.fingerprint
    parts = np.concatenate([dataset.train.fetch(range(24)), dataset.val.fetch(range(6))])
    whole = open_dataset(_spec(root, val="test")).train.fetch(range(30))
    assert sorted(map(bytes, parts)) == sorted(map(bytes, whole))


def test_without_a_held_out_folder_a_fraction_leaves_no_test_set(tmp_path: Path) -> None:
    dataset = open_dataset(_spec(make_class_folders(tmp_path, {"train": 10}), val="0.2"))
    assert (len(dataset.train), len(dataset.val)) == (24, 6)
    assert dataset.test is None


@pytest.mark.parametrize("value", ["0", "1", "1.5", "half", "-0.1", "nan"])
def test_a_bad_fraction_is_refused(tmp_path: Path, value: str) -> None:
    root = make_class_folders(tmp_path, {"train": 3, "val": 1})
    with pytest.raises(UsageError, match=r"data\.val="):
        open_dataset(_spec(root, val=value))


def test_a_fraction_that_leaves_no_image_is_refused(tmp_path: Path) -> None:
    root = make_class_folders(tmp_path, {"train": 1, "val": 1})
    with pytest.raises(UsageError, match="3 training images leaves the training or"):
        open_dataset(_spec(root, val="0.1"))


def test_train_only_accepts_data_without_val(tmp_path: Path) -> None:
    root = make_class_folders(tmp_path, {"train": 2})
    dataset = open_dataset(_spec(root), train_only=True)
    assert dataset.val is dataset.train


def test_prepare_accepts_data_without_val(tmp_path: Path) -> None:
    root = make_class_folders(tmp_path, {"train": 2})
    dataset = open_source(str(root), PrepareSpec(size=8))
    assert list(dataset.splits()) == ["train"]


def test_a_folder_that_does_not_exist_is_not_taken_for_imagenette(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"data\.root=.* does not exist"):
        open_source(str(tmp_path / "nowhere"), PrepareSpec())


def test_a_local_folder_called_like_a_source_comes_first() -> None:
    make_class_folders(Path("imagenette"), {"train": 2, "val": 1})
    dataset = open_source("imagenette", PrepareSpec(size=8))
    assert dataset.classes == ["a", "b", "c"]


def test_a_test_set_is_never_taken_for_val_unless_that_is_asked_for(tmp_path: Path) -> None:
    root = make_class_folders(tmp_path, {"train": 2, "test": 1})
    with pytest.raises(UsageError, match="the test set is not used in its place") as caught:
        open_dataset(_spec(root))
    assert "data.val=test" in (caught.value.hint or "")
    dataset = open_dataset(_spec(root, val="test"))
    assert dataset.val is dataset.test
    assert "test is the only held-out set" in (dataset.note or "")


def test_the_test_set_is_not_taken_where_there_is_a_val(tmp_path: Path) -> None:
    root = make_class_folders(tmp_path, {"train": 2, "val": 1, "test": 1})
    with pytest.raises(UsageError, match="has a split val"):
        open_dataset(_spec(root, val="test"))


def test_a_stratified_split_is_another_split_and_said(tmp_path: Path) -> None:
    root = make_class_folders(tmp_path, {"train": 10, "val": 1, "test": 1})
    dataset = open_dataset(_spec(root, val="0.2", split=Split.stratified))
    assert np.bincount(dataset.val.labels).tolist() == [2, 2, 2]
    assert "6 images of the training set (stratified, seed 0)" in (dataset.note or "")
    assert "the val that comes with the data is not used" in (dataset.note or "")
    assert dataset.fingerprint != open_dataset(_spec(root, val="0.2")).fingerprint


def test_an_evaluation_needs_no_training_set(tmp_path: Path) -> None:
    root = make_class_folders(tmp_path, {"val": 2})
    with pytest.raises(UsageError, match="no folder train"):
        open_dataset(_spec(root))
    dataset = open_dataset(_spec(root), net_classes=["c", "b", "a", "z"])
    assert (len(dataset.train), len(dataset.val)) == (0, 6)
    assert dataset.classes == ["a", "b", "c"]
    bare = open_dataset(_spec(root / "val"), net_classes=["a", "b", "c"])
    assert bare.val.labels.tolist() == dataset.val.labels.tolist()


def test_class_folders_without_splits_are_split_and_a_split_is_no_root(tmp_path: Path) -> None:
    root = make_class_folders(tmp_path / "whole", {"train": 4, "val": 2})
    with pytest.raises(UsageError, match="is one of the splits") as caught:
        open_dataset(_spec(root / "train"))
    assert caught.value.hint == f"data.root={root}"
    dataset = open_dataset(_spec(root / "train", val="0.25"))
    assert (len(dataset.train), len(dataset.val)) == (9, 3)
