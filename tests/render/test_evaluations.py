import json
from pathlib import Path

import numpy as np

from alexcli.records.evaluation import EvalResult, Evaluation, Interval, Predictions
from alexcli.render.evaluations import class_analysis, error_analysis
from alexcli.render.output import as_text, write
from alexcli.render.tables import Format

CLASSES = ["n01", "n02", "n03"]
NAMES = ["cat", "dog", "owl"]
PER_CLASS = [
    {"class": "n01", "name": "cat", "n": 2, "top1_err": 0.5, "confused": [{"with": "n02", "n": 1}]},
    {
        "class": "n02",
        "name": "dog",
        "n": 3,
        "top1_err": 2 / 3,
        "confused": [{"with": "n03", "n": 2}],
    },
    {"class": "n03", "name": "owl", "n": 0, "top1_err": None, "confused": []},
]


def _result(name: str, **fields: object) -> EvalResult:
    result = EvalResult(
        name=name,
        split="val",
        protocol={"resize": "shorter side", "crop": 32, "views": 10},
        n=5,
        top1_err=0.6,
        top5_err=None,
        loss=1.23456,
        interval={"top1_err": Interval(0.95, 0.25, 0.875), "top5_err": None},
        checkpoint="last.ckpt",
        data="f1",
        calibration_error=0.125,
    )
    for field, value in fields.items():
        setattr(result, field, value)
    return result


def _evaluation(*results: EvalResult, names: list[str] = NAMES) -> Evaluation:
    best = np.array([0, 1, 1, 2, 2])
    predictions = Predictions(
        labels=np.array([0, 0, 1, 1, 1]),
        top=np.stack([best, (best + 1) % 3], axis=1),
        top_p=np.full((5, 2), 0.5, dtype=np.float32),
        probabilities=np.full((5, 3), 0.25, dtype=np.float32),
    )
    ids = [f"{number}.png" for number in range(5)]
    return Evaluation([*results], [predictions] * len(results), ids, CLASSES, names)


def test_people_read_percent_and_csv_has_fractions() -> None:
    (table,) = error_analysis(_evaluation(_result("a"))).tables
    (row,) = table.records()
    assert row == {
        "run": "a",
        "top-1 error": "60.00%",
        "95% interval": "25.00% to 87.50%",
        "top-5 error": "-",
        "loss": 1.2346,
        "ECE": "12.50%",
        "n": 5,
        "views": "10 x 32 px",
    }
    assert table.exact is not None
    (exact,) = table.exact.records()
    assert exact == {
        "name": "a",
        "split": "val",
        "top1_err": 0.6,
        "top1_low": 0.25,
        "top1_high": 0.875,
        "top5_err": None,
        "loss": 1.23456,
        "n": 5,
        "calibration_error": 0.125,
        "resize": "shorter side",
        "crop": 32,
        "views": 10,
        "checkpoint": "last.ckpt",
        "data": "f1",
    }


def test_what_rows_share_stands_below_once() -> None:
    results = [_result("a", note="val is test"), _result("b", note="val is test", data="f2")]
    (table,) = error_analysis(_evaluation(*results)).tables
    assert table.note == (
        "resize: shorter side; data: f1, f2; interval: Wilson, of top-1; "
        "ECE: expected calibration error, 15 bins; val is test"
    )


def test_an_extra_number_reaches_json_and_csv() -> None:
    analysis = error_analysis(_evaluation(_result("a", extras={"macs": 7})))
    (row,) = json.loads(as_text(analysis, Format.json))
    assert row["macs"] == 7
    header, line = as_text(analysis, Format.csv).splitlines()
    assert header.endswith(",data,macs")
    assert line.endswith(",f1,7")


def test_what_is_written_can_be_read_back(tmp_path: Path) -> None:
    evaluation = _evaluation(_result("a"))
    paths = [tmp_path / name for name in ("results.json", "predictions.npz")]
    write(error_analysis(evaluation), paths)
    predictions = evaluation.predictions[0]
    with np.load(tmp_path / "predictions.npz", allow_pickle=False) as stored:
        assert stored["label"].tolist() == predictions.labels.tolist()
        assert stored["top"][0].tolist() == predictions.top.tolist()
        assert stored["probabilities"].shape == (1, 5, 3)
        assert stored["classes"].tolist() == evaluation.classes
    assert json.loads((tmp_path / "results.json").read_text())[0]["n"] == 5


def test_people_see_the_worst_class_first_and_csv_the_order_of_classes() -> None:
    (table,) = class_analysis(_evaluation(_result("a", per_class=PER_CLASS))).tables
    rows = table.records()
    assert [row["class"] for row in rows] == ["n02", "n01", "n03"]
    assert rows[0]["name"] == "dog"
    assert rows[0]["top-1 error"] == "66.67%"
    assert rows[0]["most confused with"] == "n03 (2)"
    assert table.note == "most confused, label as prediction: n02 as n03 (2), n01 as n02 (1)"
    assert table.exact is not None
    assert [row["class"] for row in table.exact.records()] == CLASSES
    assert table.title == "classes of a, 10 views"
    center = _result("a", per_class=PER_CLASS, protocol={"views": 1})
    assert class_analysis(_evaluation(center)).title == "a, val, 1 view"


def test_classes_without_readable_names_have_no_column_of_them() -> None:
    evaluation = _evaluation(_result("a", per_class=PER_CLASS), names=CLASSES)
    (table,) = class_analysis(evaluation).tables
    assert "name" not in table.columns


def test_a_confusion_matrix_is_drawn_while_its_names_can_be_read() -> None:
    evaluation = _evaluation(_result("a", per_class=PER_CLASS))
    (panel,) = class_analysis(evaluation).panels
    assert panel.counts.tolist() == [[1, 1, 0], [0, 1, 2], [0, 0, 0]]  # type: ignore[union-attr]
    evaluation.classes = [str(number) for number in range(51)]
    assert class_analysis(evaluation).panels == []
