from typing import Any

import pytest

from alexcli.analysis import tables


def run(evaluations: list[dict[str, object]]) -> Any:
    return tables.run(evaluations).data


def _row(name: str, error: float, **more: object) -> dict[str, object]:
    known: dict[str, object] = {"name": name, "split": "val", "protocol": {"views": 10}}
    return known | {"top1_err": error, "top5_err": error / 2} | more


def _ours(evaluations: list[dict[str, object]]) -> dict[str, tuple[float | None, int]]:
    rows = [row for found in run(evaluations) for row in found["rows"]]
    return {row["model"]: (row["ours"]["top1_err"], row["ours_n"]) for row in rows}


def test_published_numbers_stand_where_nothing_was_run() -> None:
    found = run([])
    one = next(row for row in found[1]["rows"] if row["model"] == "1 CNN")
    assert (one["paper"]["top1_err"], one["notes"]["top5_err"]) == (0.407, 0.1821)
    assert all(row["ours_n"] == 0 for part in found for row in part["rows"])
    assert tables.run([]).tables[1].rows[1] == [
        "1 CNN",
        "40.7%",
        "18.2%",
        "",
        "40.66%",
        "18.21%",
        "",
        "",
        "",
    ]


def test_ours_are_ten_crop_evaluations_of_just_the_right_nets() -> None:
    five = [f"five/s{i}" for i in range(5)]
    seven = [*five, "seven/s0", "seven/s1"]
    ours = _ours(
        [
            _row("ilsvrc2012/s0", 0.4),
            _row("ilsvrc2012_145/s0", 0.42),
            _row("ilsvrc2012/s1", 0.9, protocol={"views": 1}),
            _row("quickstart/s0", 0.9),
            _row("ensemble of 5", 0.38, members=five),
            _row("ensemble of 7", 0.36, members=seven),
            _row("ensemble of 6", 0.9, members=seven[:6]),
            _row("finetune_2011/s0", 0.39),
            _row("ilsvrc2010/s0", 0.375, split="test"),
            _row("ilsvrc2010/s0", 0.9),
        ]
    )
    assert ours["1 CNN"] == (pytest.approx(0.41), 2)
    assert ours["5 CNNs"] == (0.38, 1)
    assert ours["7 CNNs*"] == (0.36, 1)
    assert ours["1 CNN*"] == (0.39, 1)
    assert ours["CNN"] == (0.375, 1)
