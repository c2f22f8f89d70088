"""alexcli bench."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from alexcli.bench import lrn, profile
from alexcli.cli.main import app
from alexcli.records.benchmark import BenchResult

RESULT = BenchResult("lrn/conv1", "torch", 1300.0, "images/s", 7.2, 7.0, 7.4, 5)


def _invoke(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["bench", *arguments])


def test_json_has_the_promised_form(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lrn, "run", lambda *_: [RESULT])
    result = _invoke("lrn", "--format", "json")
    assert result.exit_code == 0, result.stderr
    (row,) = json.loads(result.stdout)
    assert set(row) == {
        *("name", "against", "value", "unit", "ratio_median", "ratio_min", "ratio_max", "n")
    }


def test_out_holds_figures_command_and_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lrn, "run", lambda *_: [RESULT])
    result = _invoke("lrn", "--out", "deep/lrn.json")
    assert result.exit_code == 0, result.stderr
    content = json.loads(Path("deep/lrn.json").read_text())
    assert content["results"][0]["name"] == "lrn/conv1"
    assert content["on"]["packages"]["torch"]


def test_a_place_that_cannot_be_written_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lrn, "run", lambda *_: [RESULT])
    Path("file").touch()
    result = _invoke("lrn", "--out", "file/lrn.json")
    assert result.exit_code == 2
    assert "cannot be written" in result.stderr


def test_a_profile_is_a_row_for_each_part(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [{"net": "ours", "pass": "forward", "images": 2, "ms": {"conv1": 3.0, "fc8": 1.0}}]
    monkeypatch.setattr(profile, "run", lambda *_: rows)
    result = _invoke("profile", "--format", "csv")
    assert result.stdout.splitlines() == [
        "net,pass,part,ms,of the pass",
        "ours,forward,conv1,3.0,0.75",
        "ours,forward,fc8,1.0,0.25",
    ]
