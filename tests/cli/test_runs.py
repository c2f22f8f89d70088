"""alexcli runs."""

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from alexcli.cli.main import app
from alexcli.run.directory import RunDirectory
from tests.cli.command_line import run_command


@pytest.fixture(autouse=True)
def _runs(run: RunDirectory) -> None:
    """Two runs; the other one has half of the error."""
    other = Path("runs/other/s1-12345678")
    shutil.copytree(run.path, other)
    result = json.loads((other / "result.json").read_text())
    result["test"]["top1_err"] /= 2
    (other / "result.json").write_text(json.dumps(result))
    config = (other / "config.yaml").read_text()
    (other / "config.yaml").write_text(config.replace("lr: 0.005", "lr: 0.004", 1))


def test_runs_are_listed_and_sorted() -> None:
    by_name = json.loads(run_command("runs", "list", "--format", "json").out)
    assert [row["name"].partition("/")[0] for row in by_name] == ["other", "quickstart"]
    by_error = json.loads(run_command("runs", "list", "--sort", "error", "--format", "json").out)
    assert by_error[0]["test_err"] < by_error[1]["test_err"]
    assert "2 runs" in run_command("runs", "list").out
    lines = run_command("runs", "list", "other", "--format", "csv").out.splitlines()
    assert lines[0].startswith("name,path,model")
    assert len(lines) == 2
    assert (
        json.loads(run_command("runs", "list", "--state", "stopped", "--format", "json").out) == []
    )


def test_no_runs_are_an_empty_list(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("fresh").mkdir()
    monkeypatch.chdir("fresh")
    result = run_command("runs", "list")
    assert result.code == 0, result.err
    assert "0 runs" in result.out


def test_a_folder_of_runs_that_is_none_is_no_empty_list() -> None:
    Path("file").touch()
    for name, reason in (("nowhere", "does not exist"), ("file", "is a file")):
        result = run_command("runs", "list", "--runs", name)
        assert result.code == 2
        assert f"the directory of runs {name} {reason}" in result.err


def test_two_runs_stand_side_by_side() -> None:
    result = run_command("runs", "compare", "other", "quickstart", "--format", "json")
    assert result.code == 0, result.err
    rows = {row["key"]: row for row in json.loads(result.out)}
    assert rows["test_err"]["a"] < rows["test_err"]["b"]
    assert (rows["optim.lr"]["a"], rows["optim.lr"]["b"]) == ("0.004", "0.005")


def test_runs_are_compared_in_the_words_and_units_of_the_list() -> None:
    listed = run_command("runs", "list", "other", "--format", "md").out.splitlines()
    lines = [line.split("|") for line in listed if line.startswith("|")]
    words, _, values = ([cell.strip() for cell in line] for line in lines)
    shown = run_command("runs", "compare", "other", "quickstart", "--format", "md").out
    for word, value in zip(words[2:-1], values[2:-1], strict=True):
        assert f"| {word} | {value} |" in " ".join(shown.split())
    exact = run_command("runs", "compare", "other", "quickstart", "--format", "csv").out
    size = sum(file.stat().st_size for file in Path("runs/other").rglob("*") if file.is_file())
    assert f"\nbytes,{size}," in exact
    assert "\ntest_err,0." in exact


def test_a_run_is_not_compared_with_itself() -> None:
    result = run_command("runs", "compare", "other", "oth*")
    assert result.code == 2
    assert "other and oth* are one run, other" in result.err


def test_a_name_of_several_runs_cannot_be_compared() -> None:
    result = run_command("runs", "compare", "*", "other")
    assert result.code == 2
    assert "* matches 2 runs" in result.err


def test_removing_asks_first() -> None:
    refused = CliRunner().invoke(app, ["runs", "remove", "other"], input="n\n")
    assert refused.exit_code == 1
    assert Path("runs/other/s1-12345678/last.ckpt").exists()
    confirmed = CliRunner().invoke(app, ["runs", "remove", "other"], input="y\n")
    assert confirmed.exit_code == 0
    assert "removed 1 run\n" in confirmed.stdout
    assert not Path("runs/other/s1-12345678").exists()


def test_where_nobody_answers_nothing_is_removed_and_the_flag_is_named() -> None:
    unanswered = CliRunner().invoke(app, ["runs", "remove", "other"], input="")
    assert unanswered.exit_code == 2
    assert "error: nobody answered, and nothing was removed" in unanswered.stderr
    assert "hint: --yes" in unanswered.stderr
    assert Path("runs/other/s1-12345678/last.ckpt").exists()


def test_a_run_that_does_not_exist_is_named() -> None:
    result = run_command("runs", "remove", "othr", "--yes")
    assert result.code == 2
    assert "did you mean other?" in result.err
