import csv
import io
import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from alexcli.data.synthetic import CLASSES
from alexcli.run import processes
from alexcli.run.directory import RunDirectory
from tests.cli.command_line import run_command

SEVERAL = ("runs/quickstart/s*", "--protocols", "all", "--per-class")


@pytest.fixture
def two_runs(run: RunDirectory) -> None:
    """The finished run, and a copy of it."""
    shutil.copytree(run.path, run.path.with_name("s1-copy"))


@pytest.mark.usefixtures("two_runs")
def test_several_runs_are_averaged_under_both_protocols() -> None:
    outcome = run_command("eval", *SEVERAL, "--format", "json")
    assert outcome.code == 0, outcome.err
    rows = json.loads(outcome.out)
    assert [row["protocol"]["views"] for row in rows] == [1, 10, 1, 10, 1, 10]
    assert rows[-1]["name"] == "ensemble of 2"
    assert "extras" not in rows[0]


@pytest.mark.usefixtures("two_runs")
def test_out_writes_every_file_and_analyze_tables_reads_it() -> None:
    outcome = run_command("eval", *SEVERAL, "--out", "o", "--format", "json")
    assert outcome.code == 0, outcome.err
    assert json.loads(outcome.out) == json.loads(Path("o/results.json").read_text())
    names = {path.name for path in Path("o").iterdir()}
    assert names == {
        *("results.json", "results.csv", "predictions.npz", "per_class.csv", "confusion.png")
    }
    tables = run_command("analyze", "tables", "--results", "o", "--format", "json")
    assert tables.code == 0, tables.err
    assert [part["rows"][-1]["ours_n"] for part in json.loads(tables.out)] == [0, 0, 0]


@pytest.mark.usefixtures("run")
@pytest.mark.parametrize("format_name", ["table", "csv", "md"])
def test_classes_are_shown_in_every_format(format_name: str) -> None:
    outcome = run_command("eval", "--per-class", "--format", format_name)
    assert "checked_ring" in outcome.out
    if format_name == "csv":
        rows = list(csv.DictReader(io.StringIO(outcome.out)))
        assert [row["class"] for row in rows] == list(CLASSES)
        assert "csv is one table; --out DIR or --format json for the others" in outcome.err


def test_an_unfinished_run_is_evaluated_with_a_word_on_how_to_finish_it(run: RunDirectory) -> None:
    assert "not finished" not in run_command("eval", str(run.path)).err
    run.result_file.unlink()
    outcome = run_command("eval", str(run.path))
    assert outcome.code == 0, outcome.err
    assert f"{run.name} is not finished: repeat its train command to resume it" in outcome.err


def test_the_analysis_that_leads_on_shows_the_data_that_was_evaluated(run: RunDirectory) -> None:
    outcome = run_command("eval", str(run.path), "data.seed=1")
    assert f"analyze predictions data.seed=1 --run {run.path}" in outcome.err
    outcome = run_command("eval", str(run.path), "data.seed=1", "--split", "test")
    assert outcome.code == 0, outcome.err
    assert "analyze predictions" not in outcome.err


def _workers_of(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> Sequence[str]:
    """The command line of the processes that `eval` starts, as if its placement took several."""
    started: list[Sequence[str]] = []
    monkeypatch.setattr(processes, "needs_workers", lambda _: True)
    monkeypatch.setattr(processes, "run_workers", lambda _, argv: started.append(argv))
    outcome = run_command(*arguments)
    assert outcome.code == 0, outcome.err
    assert outcome.out == ""
    (argv,) = started
    return argv


def test_the_processes_of_a_placement_get_the_line_that_was_typed(
    run: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ("eval", "--format", "json", str(run.path), "eval.batch_size=20", "--per-class")
    assert _workers_of(monkeypatch, *arguments) == [*arguments]


def test_the_processes_of_a_placement_evaluate_the_run_that_was_the_newest(
    run: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    argv = _workers_of(monkeypatch, "eval", "--ten-crop", "--runs", "runs")
    assert argv == ["eval", "--ten-crop", "--runs", "runs", str(run.last)]
