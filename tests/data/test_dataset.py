from dataclasses import replace

import numpy as np
import pytest

from alexcli.data.dataset import Dataset, digest
from alexcli.data.images import ArrayImages
from alexcli.errors import UsageError


def _images(count: int) -> ArrayImages:
    return ArrayImages(np.zeros((count, 2, 2, 3), dtype=np.uint8), np.zeros(count, dtype=np.int64))


def _dataset(*names: str) -> Dataset:
    splits = {name: _images(number) for number, name in enumerate(names, 1)}
    return Dataset.from_splits(["a", "b"], splits, fingerprint="none", size=2, resize="none")


def test_three_splits_are_what_they_are_called() -> None:
    dataset = _dataset("train", "val", "test")
    assert {name: len(images) for name, images in dataset.splits().items()} == {
        "train": 1,
        "val": 2,
        "test": 3,
    }


def test_a_lone_held_out_set_is_both_val_and_test_and_counts_once() -> None:
    only_val = _dataset("train", "val")
    only_test = _dataset("train", "test")
    for dataset in (only_val, only_test):
        assert dataset.val is dataset.test
    assert list(only_val.splits()) == ["train", "val"]
    assert list(only_test.splits()) == ["train", "test"]
    assert only_val.has_own_val
    assert not only_test.has_own_val


def test_data_to_evaluate_on_may_have_no_training_images() -> None:
    dataset = _dataset("val")
    assert len(dataset.train) == 0
    assert list(dataset.splits()) == ["train", "val"]


def test_a_split_that_is_missing_is_an_error_and_another_one_is_named() -> None:
    dataset = _dataset("test")
    assert dataset.split("test") is dataset.test
    with pytest.raises(UsageError, match="the data has no train set") as error:
        dataset.split("train")
    assert error.value.hint == "--split test"


def test_a_held_out_split_is_named_before_the_training_set() -> None:
    dataset = replace(_dataset("train"), val=_dataset("val").val, has_own_val=True)
    with pytest.raises(UsageError, match="the data has no test set") as error:
        dataset.split("test")
    assert error.value.hint == "--split val"


def test_without_a_held_out_set_train_stands_in_for_val() -> None:
    dataset = _dataset("train")
    assert dataset.val is dataset.train
    assert dataset.test is None
    assert list(dataset.splits()) == ["train"]


def test_a_digest_never_changes() -> None:
    assert digest(["cifar10", 32, {"b": 1, "a": None}]) == "0e6485db2b58554e"
