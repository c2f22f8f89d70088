"""alexcli ablate, with its trainings as jobs of submitit's local executor."""

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from typer.testing import CliRunner

from alexcli.ablation.jobs import Job
from alexcli.ablation.launchers import LAUNCHERS
from alexcli.cli.main import app
from tests.ablation.finished import finish
from tests.cli.command_line import run_command
from tests.conftest import SMALL


def test_submitted_jobs_are_shown_when_they_are_finished() -> None:
    pytest.importorskip("submitit")
    words = ["ablate", "lrn", *SMALL, "launcher=local", "--seeds", "1"]
    command = [sys.executable, "-m", "alexcli", *words, "--launch", "slurm"]
    sent = subprocess.run(command, capture_output=True, text=True, check=True, timeout=100)
    until = time.monotonic() + 120
    while len(list(Path("runs").glob("quickstart*/s0-*/result.json"))) < 2:
        assert time.monotonic() < until, sent.stderr
        time.sleep(0.5)
    shown = CliRunner().invoke(app, [*words, "--report-only"])
    assert shown.exit_code == 0
    assert "+1.40" in shown.stdout, "the paper's difference"
    assert "one seed, no interval" in shown.stdout
    again = CliRunner().invoke(app, [*words, "--report-only"])
    assert again.stdout == shown.stdout


def test_a_dry_run_lists_what_would_be_trained_and_estimates_the_time_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("alexcli.ablation.training.seconds_per_epoch", lambda _: 100.0)
    command = ["ablate", "lrn", *SMALL, "--seeds", "1", "--dry-run"]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    assert "estimated time left" in result.stdout
    assert "if the study runs alone on this machine" in " ".join(result.stdout.split())
    rows = json.loads(CliRunner().invoke(app, [*command, "--format", "json"]).stdout)
    assert [row["run"] for row in rows] == ["lrn/baseline", "lrn/without"]
    assert [row["estimated_seconds_left_if_alone"] for row in rows] == [200, 200], "two epochs each"
    assert not Path("runs").exists()


def test_a_dry_run_refuses_a_budget_that_the_first_seeds_exceed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("alexcli.ablation.training.seconds_per_epoch", lambda _: 100.0)
    words = ["ablate", "lrn", *SMALL, "--dry-run"]
    result = run_command(*words, "--budget", "26")
    assert result.code == 2
    assert "8 trainings for the first 4 seeds take about 27 min here" in result.err
    assert "and the budget is 26 min" in result.err
    assert "hint: --budget 40" in result.err
    assert run_command(*words, "--budget", "27").code == 0
    assert run_command(*words).code == 0


def test_automatic_seeds_train_until_the_precision_is_reached() -> None:
    words = ["ablate", "lrn", *SMALL, "optim.epochs=1", "--precision", "50"]
    result = run_command(*words, "--out", "results")
    assert result.code == 0, result.err
    assert "8 trainings for the first 4 seeds" in result.err
    record = json.loads(Path("results/lrn-mechanism.json").read_text())
    assert record["kind"] == "mechanism"
    assert record["arms"][1]["differences"][0]["seeds"] == 4
    assert record["command"].endswith("optim.epochs=1")
    assert "± 50.00 points wanted" in result.out


def test_studies_of_ones_own_are_listed_and_a_bad_one_hides_none() -> None:
    Path("conf/ablation").mkdir(parents=True)
    arms = "arms: {none: {change: {optim.weight_decay: 0}}}"
    Path("conf/ablation/mine.yaml").write_text(f"# Is it mine?\nclaim: yes it is\n{arms}\n")
    Path("conf/ablation/bad.yaml").write_text("- 1\n")
    result = CliRunner().invoke(app, ["ablate", "--list", "--format", "json"])
    assert result.exit_code == 0, result.output
    rows = {row["study"]: row for row in json.loads(result.stdout)}
    assert rows["mine"]["question"] == "Is it mine?"
    assert "bad.yaml:1" in rows["bad"]["question"]
    assert rows["lrn"]["trainings a seed"] == 2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--precision", "0"], "--precision 0 is not above 0"),
        (["--budget", "0"], "--budget 0 is not a time"),
        (["--budget", "0.001"], "take about"),
        (["--seeds", "1", "--precision", "0.5"], "one seed has no interval"),
        (["--setting", "mechanism", "experiment=ilsvrc2012"], "conflicts with --setting mechanism"),
    ],
)
def test_what_cannot_be_measured_is_refused_before_anything_runs(
    words: list[str], message: str
) -> None:
    result = run_command("ablate", "lrn", *SMALL, *words)
    assert result.code == 2
    assert message in result.err
    assert "hint: " in result.err
    assert not Path("runs").exists()


def test_without_a_study_the_way_to_find_one_is_told() -> None:
    result = CliRunner().invoke(app, ["ablate"])
    assert result.exit_code == 2
    listed = CliRunner().invoke(app, ["ablate", "--list", "--format", "csv"])
    assert "lrn,Local response normalisation" in listed.stdout


@pytest.mark.parametrize("word", ["lrn", "optim.epochs=1"])
def test_a_word_beside_list_is_refused(word: str) -> None:
    result = CliRunner().invoke(app, ["ablate", word, "--list"])
    assert result.exit_code == 2
    assert word in result.stderr
    assert "hint: alexcli ablate --list" in result.stderr


def test_a_place_for_results_that_cannot_be_one_is_refused_before_training(tmp_path: Path) -> None:
    taken = tmp_path / "results"
    taken.write_text("mine")
    result = run_command("ablate", "lrn", *SMALL, "--out", str(taken))
    assert result.code == 2
    assert "is not a folder" in result.err
    assert taken.read_text() == "mine"
    assert not Path("runs").exists()


def test_a_place_for_results_beside_a_dry_run_is_refused(tmp_path: Path) -> None:
    result = run_command("ablate", "lrn", *SMALL, "--dry-run", "--out", str(tmp_path / "results"))
    assert result.code == 2
    assert "--dry-run, which has no results" in result.err
    assert "hint: --format csv" in result.err


def test_a_scheduler_gets_the_pilot_and_then_what_the_precision_takes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    submitted: list[int] = []

    def submit(jobs: Sequence[Job]) -> list[str]:
        submitted.append(len(jobs))
        for job in jobs:
            is_baseline = job.name.endswith("/baseline")
            finish(job, 0.1 if is_baseline else 0.12 + 0.01 * (job.spec.seed % 3))
        return ["job"]

    monkeypatch.setitem(LAUNCHERS, "slurm", submit)
    command = ["ablate", "lrn", *SMALL, "--launch", "slurm", "--precision", "1"]
    for _ in range(2):
        assert run_command(*command).code == 0
    assert submitted[0] == 8
    assert submitted[1] >= 2


def test_a_launcher_that_does_not_exist_is_refused_before_torch_is_imported() -> None:
    program = (
        "import sys; from alexcli.cli.main import app\n"
        "try: app(['ablate', 'lrn', '--launch', 'pbs'])\n"
        "finally: print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 2
    assert "launcher 'pbs' does not exist; there are local, slurm" in done.stderr
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--recorded", "DIR", "--seeds", "3"], "--seeds has no effect with --recorded"),
        (["--recorded", "DIR", "--dry-run", "--out=x"], "--dry-run has no effect with --recorded"),
        (["--list", "--recorded", "DIR"], "--recorded has no effect with --list"),
        (["--list", "--out", "x", "--jobs=3"], "--out, --jobs have no effect with --list"),
    ],
)
def test_options_of_trainings_are_refused_where_nothing_is_trained(
    options: list[str], named: str
) -> None:
    outcome = run_command("ablate", *options)
    assert outcome.code == 2
    assert named in outcome.err
