"""Figures that were written before."""

import json
from pathlib import Path
from typing import Any

import pytest

from alexcli.bench.recorded import recorded_table
from alexcli.errors import UsageError


def write(folder: Path, name: str, *results: dict[str, Any]) -> None:
    (folder / name).write_text(json.dumps({"results": list(results)}))


def figure(name: str, median: float | None, n: int = 5) -> dict[str, Any]:
    """As `bench --out` writes one."""
    return {
        "name": name,
        "against": "port",
        "value": 1234.5,
        "unit": "images/s",
        "ratio_median": median,
        "ratio_min": 1.9,
        "ratio_max": 2.1,
        "n": n,
    }


def test_comparisons_of_all_files_become_rows(tmp_path: Path) -> None:
    write(tmp_path, "b.json", figure("small/quickstart", 1.5, n=1))
    write(tmp_path, "a.json", figure("step/train", 2.0), figure("peak", None))
    rows = recorded_table(tmp_path, []).records()
    assert [row["measurement"] for row in rows] == ["step/train", "small/quickstart"]
    assert [row["ratio"] for row in rows] == ["2.00 (1.90 to 2.10)", "1.50"]
    assert rows[0]["file"] == "a.json"


def test_csv_has_the_numbers_that_were_measured(tmp_path: Path) -> None:
    write(tmp_path, "a.json", figure("step/train", 2.0123))
    exact = recorded_table(tmp_path, []).exact
    assert exact is not None
    row = exact.records()[0]
    assert (row["ours"], row["unit"]) == (1234.5, "images/s")
    assert (row["ratio"], row["from"], row["to"]) == (2.0123, 1.9, 2.1)


def test_a_name_chooses_itself_and_what_is_below_it(tmp_path: Path) -> None:
    write(tmp_path, "a.json", figure("step/train", 2), figure("step/infer", 2), figure("steps", 2))
    assert len(recorded_table(tmp_path, ["step"]).rows) == 2
    assert len(recorded_table(tmp_path, ["step/infer"]).rows) == 1


@pytest.mark.parametrize("content", ["[", "[]", "{}", '{"results": [3]}', '{"results": 3}'])
def test_another_file_is_refused_by_name(tmp_path: Path, content: str) -> None:
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(UsageError, match=r"a\.json is not what"):
        recorded_table(tmp_path, [])


def test_nothing_recorded_is_said(tmp_path: Path) -> None:
    write(tmp_path, "a.json", figure("step/train", 2))
    with pytest.raises(UsageError, match="no such measurements: loop"):
        recorded_table(tmp_path, ["loop"])
