"""alexcli bench."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from alexcli.bench import first_run, lrn, profile, small, step
from alexcli.bench.first_run import FirstRun
from alexcli.cli.main import app
from alexcli.records.benchmark import BenchResult
from alexcli.reporter import Reporter

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


def _fake_step(
    _spec: object, batch: int, rounds: int, reporter: Reporter, **flags: bool
) -> list[BenchResult]:
    """Says what it was asked for."""
    reporter.note(f"batch {batch}, {rounds} rounds, {flags}")
    return [RESULT]


@pytest.mark.parametrize(
    ("options", "course"),
    [
        ([], "batch 64, 3 rounds, {'extrapolate': False, 'quick': False}"),
        (["--quick"], "batch 8, 1 rounds, {'extrapolate': False, 'quick': True}"),
        (["--quick", "--batch", "4", "--rounds", "2"], "batch 4, 2 rounds"),
    ],
)
def test_a_step_has_a_size_unless_one_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, options: list[str], course: str
) -> None:
    monkeypatch.setattr(step, "run", _fake_step)
    result = _invoke("step", "--format", "json", *options)
    assert course in result.stderr
    assert [row["name"] for row in json.loads(result.stdout)] == ["lrn/conv1"]
    assert ("rough numbers" in result.stderr) == ("--quick" in options)


def test_the_table_of_a_quick_run_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(step, "run", _fake_step)
    assert "--quick, so these are rough" in _invoke("step", "--quick", "--format", "md").stdout
    assert "rough" not in _invoke("step", "--format", "md").stdout


def test_small_nets_are_a_benchmark(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(small, "run", lambda rounds, _: [RESULT] * rounds)
    assert len(json.loads(_invoke("small", "--rounds", "2", "--format", "json").stdout)) == 2


def test_a_first_run_says_what_was_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    install = BenchResult("first_run/install", None, 190.0, "s", None, None, None, 1)
    packages: list[str] = []

    def run(package: str, _: Reporter) -> FirstRun:
        packages.append(package)
        return FirstRun([install], {"python": "3.12.0"})

    monkeypatch.setattr(first_run, "run", run)
    monkeypatch.setattr(first_run, "default_package", lambda: "checkout")
    result = _invoke("first-run", "--out", "first_run.json", "--format", "md")
    assert result.exit_code == 0, result.stderr
    assert "ratio:" not in result.stdout
    _invoke("first-run", "alexcli==1.0")
    assert packages == ["checkout", "alexcli==1.0"]
    content = json.loads(Path("first_run.json").read_text())
    assert content["installed"] == {"python": "3.12.0"}
    assert content["results"][0]["value"] == 190
