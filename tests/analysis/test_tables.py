import re
from typing import Any

import pytest

from alexcli.analysis import tables
from alexcli.analysis.published import published
from alexcli.claims.ledger import read_ledger


def _evaluation(name: str, error: float, **facts: object) -> dict[str, object]:
    """A ten-crop evaluation on the validation set, unless other facts are given."""
    row: dict[str, object] = {"name": name, "split": "val", "protocol": {"views": 10}}
    return row | {"top1_err": error, "top5_err": error / 2} | facts


def _rows(evaluations: list[dict[str, object]]) -> dict[str, dict[str, Any]]:
    data = tables.run(evaluations).data
    return {row["model"]: row for section in data for row in section["rows"]}


def test_published_numbers_stand_where_nothing_was_run() -> None:
    analysis = tables.run([])
    row = next(row for row in analysis.data[1]["rows"] if row["model"] == "1 CNN")
    assert (row["paper"]["top1_err"], row["notes"]["top5_err"]) == (0.407, 0.1821)
    assert all(row["ours_n"] == 0 for section in analysis.data for row in section["rows"])
    assert analysis.tables[1].records()[1] == {
        "model": "1 CNN",
        "top-1": "40.7%",
        "top-5": "18.2%",
        "test": "",
        "notes-1": "40.66%",
        "notes-5": "18.21%",
        "ours-1": "",
        "ours-5": "",
        "n": "",
    }


def test_ours_are_ten_crop_evaluations_of_just_the_right_nets() -> None:
    five = [f"five/s{seed}" for seed in range(5)]
    seven = [*five, "seven/s0", "seven/s1"]
    rows = _rows(
        [
            _evaluation("ilsvrc2012/s0", 0.4),
            _evaluation("ilsvrc2012_145/s0", 0.42),
            _evaluation("ilsvrc2012/s1", 0.9, protocol={"views": 1}),
            _evaluation("quickstart/s0", 0.9),
            _evaluation("ensemble of 5", 0.38, members=five),
            _evaluation("ensemble of 7", 0.36, members=seven),
            _evaluation("ensemble of 6", 0.9, members=seven[:6]),
            _evaluation("finetune_2011/s0", 0.39),
            _evaluation("ilsvrc2010/s0", 0.37, split="test"),
            _evaluation("ilsvrc2010_145/s0", 0.38, split="test"),
            _evaluation("ilsvrc2010/s0", 0.9),
        ]
    )
    ours = {name: (row["ours"]["top1_err"], row["ours_n"]) for name, row in rows.items()}
    assert ours["1 CNN"] == (pytest.approx(0.41), 2)
    assert ours["5 CNNs"] == (0.38, 1)
    assert ours["7 CNNs*"] == (0.36, 1)
    assert ours["1 CNN*"] == (0.39, 1)
    assert ours["CNN"] == (pytest.approx(0.375), 2)


def test_the_nets_of_the_ledger_commands_stand_under_ours() -> None:
    labels = {label for of_kind in published("labels").values() for label in of_kind}
    for name, claim in read_ledger().claims.items():
        if not name.startswith(("table1", "table2", "fall2009")):
            continue
        experiment = re.search(r"train experiment=(\w+)", claim.command)
        if experiment:
            assert experiment[1] in labels, name


def test_an_error_that_was_not_measured_is_left_out_of_the_mean() -> None:
    evaluations = [
        _evaluation("ilsvrc2012/s0", 0.4),
        _evaluation("ilsvrc2012/s1", 0.4, top5_err=None),
    ]
    assert _rows(evaluations)["1 CNN"]["ours"]["top5_err"] == pytest.approx(0.2)
