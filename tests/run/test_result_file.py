"""A result.json of a stranger."""

import json
from pathlib import Path
from typing import Any

import pytest

from alexcli.run.result_file import is_row, is_units_row, read_result

ROW = {"step": 3, "epoch": 1, "split": "val", "top1_err": 0.5, "top5_err": None, "loss": 1.0}
TRAINED = {
    "kind": "train",
    "last": {"val": ROW, "train": ROW},
    "best": ROW,
    "seconds": 1.5,
    "classes": 10,
    "on": {"packages": {"torch": "2"}, "devices": ["cpu"], "git": None},
    "test": {"top1_err": 0.25, "top5_err": 0.1, "n": 50},
    "data": {"train": 150, "val": 60, "skipped": 0, "note": None},
    "parameters": 30618,
}


def read(content: Any) -> dict[str, Any]:
    path = Path("result.json")
    path.write_text(json.dumps(content))
    return read_result(path)


def test_results_of_trainings_and_imports_are_read() -> None:
    assert read(TRAINED) == TRAINED
    assert read({"kind": "import"}) == {"kind": "import"}
    assert read({"kind": "import", "notes": ["assumed"]})["notes"] == ["assumed"]
    bare = {key: TRAINED[key] for key in ("kind", "last", "best", "seconds", "classes")}
    assert read({**bare, "best": None}) == {**bare, "best": None}


def test_a_loss_that_is_not_finite_is_read() -> None:
    last = {"val": {**ROW, "loss": float("inf")}}
    assert read({**TRAINED, "last": last})["last"] == last


@pytest.mark.parametrize("content", [{}, [], 3, None, {"kind": 3}, {"kind": "train"}])
def test_what_is_no_result_is_refused(content: Any) -> None:
    with pytest.raises(ValueError, match=r"missing|not a mapping|not what"):
        read(content)


@pytest.mark.parametrize(
    "change",
    [
        {"last": {}},
        {"last": {"val": {}}},
        {"last": {"val": ROW, "train": 3}},
        {"best": {}},
        {"seconds": "long"},
        {"seconds": float("inf")},
        {"classes": 1.5},
        {"on": []},
        {"on": {"packages": []}},
        {"on": {"devices": [3]}},
        {"on": {"packages": {"alexcli": 3}}},
        {"on": {"git": {}}},
        {"on": {"git": {"revision": "1a2b", "dirty": "no"}}},
        {"test": {}},
        {"test": {"top1_err": 3}},
        {"test": {"top1_err": 0.5, "top5_err": "none", "n": 50}},
        {"test": {"top1_err": 0.5, "n": None}},
        {"data": {"train": []}},
        {"parameters": "many"},
        {"steps": [3]},
        {"notes": "assumed"},
        {"notes": [3]},
    ],
)
def test_a_result_that_lacks_what_its_readers_take_is_refused(change: dict[str, Any]) -> None:
    (key,) = change
    with pytest.raises(ValueError, match=f"'{key}' is not what alexcli writes"):
        read({**TRAINED, **change})


def test_a_row_has_counts_an_error_and_a_split() -> None:
    assert is_row(ROW)
    for change in (
        {"step": -1},
        {"epoch": True},
        {"top1_err": "0.5"},
        {"split": None},
        {"top5_err": []},
        {"time": []},
        {"loss": "1"},
    ):
        assert not is_row({**ROW, **change})


UNITS: dict[str, Any] = {
    "step": 3,
    "epoch": 1,
    "images": 100,
    "dead": {"conv1": 0.25, "layer1.0.relu (2)": 0.0},
    "weights": {"conv1": [-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0]},
}


def test_a_row_of_units_is_one() -> None:
    assert is_units_row(UNITS)


@pytest.mark.parametrize(
    "wrong",
    [
        {"step": -1},
        {"images": 1.5},
        {"dead": [0.1]},
        {"dead": {"conv1": 1.5}},
        {"dead": {"conv1": "none"}},
        {"dead": {"\x1b[31mred": 0.5}},
        {"dead": {"a" * 200: 0.5}},
        {"dead": {f"conv{number}": 0.0 for number in range(3000)}},
        {"weights": {"conv1": [0.0, 1.0]}},
        {"weights": {"conv1": [3.0, 2.0, 1.0, 0.0, -1.0, -2.0, -3.0]}},
        {"weights": {"conv1": [-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 1e300]}},
        {"weights": {"conv1": [-3.0, -2.0, -1.0, float("nan"), 1.0, 2.0, 3.0]}},
    ],
    ids=str,
)
def test_a_row_of_units_of_a_stranger_is_left_out(wrong: dict[str, Any]) -> None:
    assert not is_units_row({**UNITS, **wrong})
