import shutil
from pathlib import Path

import pytest

from tests.cli.command_line import run_command
from tests.conftest import SMALL


@pytest.mark.usefixtures("run")
def test_without_a_name_the_newest_run_is_reported() -> None:
    outcome = run_command("report")
    assert outcome.code == 0, outcome.err
    assert outcome.out.splitlines() == ["report.html", "report-runs.png", "report-runs.svg"]
    assert "<svg" in Path("report.html").read_text()


def test_runs_says_where_the_newest_run_is(finished_runs: Path) -> None:
    shutil.copytree(finished_runs, "elsewhere")
    assert run_command("report").code == 2
    outcome = run_command("report", "--runs", "elsewhere")
    assert outcome.code == 0, outcome.err


@pytest.mark.usefixtures("run")
@pytest.mark.parametrize(
    ("arguments", "word", "hint"),
    [
        (["optim.epochs=1"], "optim.epochs=1", "alexcli report STUDY optim.epochs=1; "),
        (["lrnn=3"], "lrnn=3", "alexcli ablate --list names the studies"),
        (["runs=elsewhere"], "runs=elsewhere", "--runs elsewhere"),
        (["runs/quickstart/s*", "seed=3"], "seed=3", "alexcli report STUDY seed=3; "),
        (["--reuse", "results"], "--reuse results", "alexcli report lrn --reuse results"),
        (["lrn", "runs=a", "--runs", "b"], "--runs b and runs=a", "leave runs=a out"),
    ],
)
def test_a_word_that_would_change_nothing_is_refused(
    arguments: list[str], word: str, hint: str
) -> None:
    outcome = run_command("report", *arguments)
    assert outcome.code == 2
    message, advice = outcome.err.splitlines()
    assert message.startswith("error: ")
    assert word in message
    assert hint in advice.removeprefix("hint: ")
    assert not Path("report.html").exists()


@pytest.mark.usefixtures("run")
def test_the_folder_of_a_report_is_made_and_another_suffix_is_refused() -> None:
    outcome = run_command("report", "--out", "new/report.pdf")
    assert outcome.code == 2
    assert outcome.err == (
        "error: --out new/report.pdf does not end in .html\nhint: --out new/report.html\n"
    )
    assert not Path("new").exists()
    outcome = run_command("report", "--out", "new/report.html")
    assert outcome.code == 0, outcome.err
    assert Path("new/report.html").exists()


@pytest.mark.parametrize("place", [["--runs", "elsewhere"], ["runs=elsewhere"]])
def test_the_runs_of_a_study_are_found_in_another_directory(
    finished_runs: Path, place: list[str]
) -> None:
    """The study's baseline is the finished run, wherever it is."""
    shutil.copytree(finished_runs, "elsewhere")
    study = ["lrn", *SMALL, "--seeds", "1", "--setting", "plain"]
    outcome = run_command("report", *study, *place)
    assert outcome.code == 0, outcome.err
    page = Path("report.html").read_text()
    assert "runs=elsewhere" in page
    assert "arms against the baseline" in page
    assert "threshold" not in page, "nobody asked for one"
    assert run_command("report", *study).code == 2
