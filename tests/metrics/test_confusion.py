"""Confusions of six images in four classes, counted by hand."""

import subprocess
import sys

import numpy as np
import pytest

from alexcli.metrics.confusion import confusion_matrix, per_class_rows, prediction_arrays
from alexcli.records.evaluation import EvalResult, Evaluation, Predictions

CLASSES = ["n01", "n02", "n03", "n04"]
NAMES = ["cat", "dog", "fish", "owl"]


@pytest.fixture
def predictions() -> Predictions:
    """Best predictions 0 1 1 2 3 0 for labels 0 0 1 1 1 2; class 3 has no image."""
    best = np.array([0, 1, 1, 2, 3, 0])
    return Predictions(
        labels=np.array([0, 0, 1, 1, 1, 2]),
        top=np.stack([best, (best + 1) % 4], axis=1),
        top_p=np.full((6, 2), 0.5, dtype=np.float32),
    )


def test_rows_are_labels_and_columns_predictions(predictions: Predictions) -> None:
    matrix = confusion_matrix(predictions, 4)
    assert matrix.tolist() == [[1, 1, 0, 0], [0, 1, 1, 1], [1, 0, 0, 0], [0, 0, 0, 0]]


def test_a_class_has_its_error_and_what_it_is_confused_with(predictions: Predictions) -> None:
    rows = per_class_rows(predictions, CLASSES, NAMES)
    assert rows[0] == {
        "class": "n01",
        "name": "cat",
        "n": 2,
        "top1_err": 0.5,
        "confused": [{"with": "n02", "n": 1}],
    }
    assert rows[1]["top1_err"] == pytest.approx(2 / 3)
    assert rows[2]["confused"] == [{"with": "n01", "n": 1}]


def test_equal_confusions_stand_in_the_order_of_the_classes(predictions: Predictions) -> None:
    rows = per_class_rows(predictions, CLASSES, NAMES)
    assert rows[1]["confused"] == [{"with": "n03", "n": 1}, {"with": "n04", "n": 1}]


def test_three_classes_are_named_at_most_the_most_frequent_first() -> None:
    best = np.array([1, 2, 2, 3, 3, 3, 4, 4, 4, 4])
    labels = np.zeros(10, dtype=np.int64)
    predictions = Predictions(labels, best[:, None], np.ones((10, 1), dtype=np.float32))
    names = [str(number) for number in range(5)]
    (row, *_) = per_class_rows(predictions, names, names)
    assert row["confused"] == [{"with": "4", "n": 4}, {"with": "3", "n": 3}, {"with": "2", "n": 2}]


def test_a_class_without_images_has_no_error(predictions: Predictions) -> None:
    row = per_class_rows(predictions, CLASSES, NAMES)[3]
    assert (row["n"], row["top1_err"], row["confused"]) == (0, None, [])


def _result(name: str, views: int = 10) -> EvalResult:
    return EvalResult(
        name=name,
        split="val",
        protocol={"resize": "none", "crop": 32, "views": views},
        n=6,
        top1_err=0.5,
        top5_err=None,
        loss=1.0,
        interval={"top1_err": None, "top5_err": None},
    )


def test_arrays_have_a_row_for_each_result(predictions: Predictions) -> None:
    evaluation = Evaluation(
        results=[_result("a"), _result("b", views=1)],
        predictions=[predictions, predictions],
        ids=[f"{number}.png" for number in range(6)],
        classes=CLASSES,
        names=NAMES,
    )
    arrays = prediction_arrays(evaluation)
    assert list(arrays) == ["id", "label", "classes", "row", "top", "top_p"]
    assert arrays["row"].tolist() == ["a, 10 views", "b, 1 view"]
    assert arrays["top"].shape == arrays["top_p"].shape == (2, 6, 2)
    assert arrays["label"].tolist() == predictions.labels.tolist()


def test_probabilities_are_held_where_they_were_asked_for(predictions: Predictions) -> None:
    predictions.probabilities = np.full((6, 4), 0.25, dtype=np.float32)
    evaluation = Evaluation([_result("a")], [predictions], list("abcdef"), CLASSES, NAMES)
    assert prediction_arrays(evaluation)["probabilities"].shape == (1, 6, 4)


def test_neither_confusions_nor_intervals_load_torch_or_numpy() -> None:
    code = (
        "import sys; import alexcli.metrics.confusion, alexcli.metrics.interval; "
        "print({'torch', 'numpy', 'scipy'} & set(sys.modules))"
    )
    output = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert output.stdout.strip() == "set()"
