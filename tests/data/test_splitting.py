import numpy as np

from alexcli.data.splitting import random_split, stratified_split


def test_a_random_split_takes_a_fraction_of_all_by_seed() -> None:
    in_val = random_split(50, 0.2, 0)
    assert in_val.sum() == 10
    assert np.array_equal(in_val, random_split(50, 0.2, 0))
    assert not np.array_equal(in_val, random_split(50, 0.2, 1))


def test_a_stratified_split_takes_the_fraction_of_each_class() -> None:
    labels = np.repeat([0, 1, 2], [100, 20, 10])
    in_val, warning = stratified_split(labels, ["a", "b", "c"], 0.2, 0)
    assert np.bincount(labels[in_val]).tolist() == [20, 4, 2]
    assert warning is None
    other, _ = stratified_split(labels, ["a", "b", "c"], 0.2, 1)
    assert not np.array_equal(in_val, other)


def test_every_class_that_can_be_is_in_both_sets_and_small_ones_are_named() -> None:
    labels = np.repeat([0, 1, 2, 3], [30, 2, 1, 3])
    in_val, warning = stratified_split(labels, ["big", "pair", "one", "three"], 0.1, 0)
    assert np.bincount(labels[in_val], minlength=4).tolist() == [3, 1, 0, 1]
    assert warning is not None
    assert "1 class (one) has one image" in warning
    assert "2 classes (pair, three) have too few images for this fraction" in warning


def test_a_large_fraction_leaves_each_class_a_training_image() -> None:
    labels = np.repeat([0, 1], [10, 2])
    in_val, warning = stratified_split(labels, ["a", "b"], 0.9, 0)
    assert np.bincount(labels[~in_val]).tolist() == [1, 1]
    assert warning == (
        "1 class (b) has too few images for this fraction with at least one in each set"
    )
