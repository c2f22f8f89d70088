from dataclasses import replace

import numpy as np
import pytest
import torch

from alexcli.analysis import probe
from alexcli.analysis.subject import Subject
from alexcli.data.dataset import Dataset
from alexcli.data.images import ArrayImages
from alexcli.errors import UsageError
from alexcli.schema import AnalyzeSpec, Classifier
from tests.analysis.subjects import tiny_subject


def _bright_and_dark(count: int, seed: int) -> ArrayImages:
    """Images of noise in two classes, one of which is a little brighter."""
    labels = np.arange(count) % 2
    noise = np.random.default_rng(seed).integers(0, 200, (count, 32, 32, 3))
    pixels = (noise + 40 * labels[:, None, None, None]).astype(np.uint8)
    return ArrayImages(pixels, labels)


def _subject(dataset: Dataset) -> Subject:
    return replace(tiny_subject(), dataset=lambda _: dataset)


def _dataset(train: ArrayImages, test: ArrayImages | None) -> Dataset:
    splits = {"train": train} if test is None else {"train": train, "test": test}
    return Dataset.from_splits(["dark", "bright"], splits, fingerprint="", size=32, resize="")


@pytest.mark.parametrize("classifier", list(Classifier))
def test_what_features_hold_is_found(classifier: Classifier) -> None:
    subject = _subject(_dataset(_bright_and_dark(60, 0), _bright_and_dark(40, 1)))
    table = probe.run(AnalyzeSpec(layer="conv1", classifier=classifier), subject).tables[0]
    rows = table.records()
    names = ["conv1, output", "conv1, output, random weights", "pixels"]
    assert [row["features"] for row in rows] == names
    assert all(row["test error"] < 0.2 for row in rows)
    assert rows[2]["units"] == 32 * 32 * 3
    assert "40 to test" in table.note
    assert "errs on 50.00%" in table.note


def test_the_test_images_decide_nothing_but_the_test_error() -> None:
    """With the test labels turned around, all but the test errors stays as it was."""
    train, test = _bright_and_dark(60, 0), _bright_and_dark(40, 1)
    turned = ArrayImages(test.images, 1 - test.labels)
    rows, others = (
        probe.run(AnalyzeSpec(layer="conv1"), _subject(_dataset(train, images))).tables[0].records()
        for images in (test, turned)
    )
    for row, other in zip(rows, others, strict=True):
        assert row["test error"] == pytest.approx(1 - other["test error"])
        for key in ("L2", "validation error", "units"):
            assert row[key] == other[key]


def test_no_image_is_both_fitted_and_held_out() -> None:
    labels = np.array([0] * 12 + [1] * 7 + [2] * 2 + [3])
    rest, held_out = probe.held_out_of_each_class(labels)
    assert sorted([*rest, *held_out]) == list(range(len(labels)))
    assert np.bincount(labels[held_out]).tolist() == [2, 1, 1]


def test_training_images_are_bounded_in_all_and_for_each_class() -> None:
    labels = np.arange(100) % 4
    assert np.bincount(labels[probe.chosen_rows(labels, 3, 100)]).tolist() == [3] * 4
    assert len(probe.chosen_rows(labels, 3, 10)) == 10
    assert probe.chosen_rows(labels, None, 200).tolist() == list(range(100))


def test_data_without_a_test_set_gives_a_part_of_its_images() -> None:
    table = probe.run(AnalyzeSpec(layer="fc7"), _subject(_dataset(_bright_and_dark(50, 0), None)))
    assert "10 to test" in table.tables[0].note


def test_a_validation_set_that_was_split_off_is_tested_on() -> None:
    """No part of the training set, on which the net was trained."""
    train, val = _bright_and_dark(50, 0), _bright_and_dark(14, 1)
    dataset = replace(_dataset(train, None), val=val, has_own_val=True)
    note = probe.run(AnalyzeSpec(layer="fc7"), _subject(dataset)).tables[0].note
    assert "14 to test" in note
    assert "40 images to fit, 10 to choose" in note


def test_too_few_images_of_a_class_are_refused() -> None:
    images = _bright_and_dark(20, 0)
    few = ArrayImages(images.images[:3], images.labels[:3])
    with pytest.raises(UsageError, match="two training images each") as caught:
        probe.run(AnalyzeSpec(), _subject(_dataset(few, images)))
    assert caught.value.hint is not None


def test_data_without_a_training_set_is_refused() -> None:
    subject = _subject(_dataset(_bright_and_dark(0, 0), _bright_and_dark(4, 1)))
    with pytest.raises(UsageError, match="no training set") as caught:
        probe.run(AnalyzeSpec(layer="conv1"), subject)
    assert str(caught.value.hint).startswith("images=DIR takes a part")


def test_pixels_are_averaged_to_a_small_side() -> None:
    pixels = torch.zeros(1, 64, 64, 3, dtype=torch.uint8)
    pixels[:, ::2] = 255
    small = probe.small_pixels(pixels)
    assert small.shape == (1, 32 * 32 * 3)
    torch.testing.assert_close(small, torch.full_like(small, 0.5))
