"""Trainings in processes of their own."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from alexcli.ablation.jobs import Job, run_jobs
from alexcli.ablation.plan import Ablation
from alexcli.config.files import CONF_VARIABLE
from alexcli.errors import InterruptedRunError, UsageError
from alexcli.reporter import NullReporter
from alexcli.run.directory import RunDirectory
from alexcli.run.training_processes import TrainingProcesses
from tests.ablation.finished import finish
from tests.conftest import SMALL
from tests.run.trainings import Notes


def _jobs(seeds: int) -> list[Job]:
    return Ablation(["lrn"], SMALL, seeds, "plain").jobs()


def test_the_command_names_seed_label_and_arm() -> None:
    baseline, arm = _jobs(seeds=1)
    start = [sys.executable, "-m", "alexcli", "train"]
    assert baseline.command() == [*start, *SMALL, "seed=0", "label=quickstart"]
    assert arm.command()[:6] == [*start, "--arm", "lrn/without"]
    assert baseline.command(threads=1)[-1] == "trainer.threads=1"
    baseline.overrides.append("trainer.threads=2")
    assert "trainer.threads=1" not in baseline.command(threads=1)


def test_a_folder_that_cannot_be_is_refused_before_anything_is_trained(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    jobs = Ablation(["lrn"], [*SMALL, f"runs={tmp_path}/file"], 1, "plain").jobs()
    with (
        TrainingProcesses(NullReporter()) as processes,
        pytest.raises(UsageError, match="cannot be written") as caught,
    ):
        run_jobs(jobs, 1, processes, NullReporter())
    assert caught.value.hint == "choose another place: runs=DIR"


def test_a_run_without_the_passes_that_a_job_needs_is_kept_aside() -> None:
    """Its training errors are running means, which are not compared with those of passes."""
    (job, _) = _jobs(seeds=1)
    finish(job, 0.1)
    assert job.finished
    words = [*SMALL, "trainer.train_eval=true"]
    (needing, _) = Ablation(["lrn"], words, 1, "plain").jobs()
    assert needing.run.path == job.run.path
    assert not needing.finished
    reporter = Notes()
    needing.prepare(reporter)
    assert not needing.run.path.exists()
    kept = needing.run.path.with_name(f"{needing.run.path.name}~1")
    assert RunDirectory(kept).result() is not None
    assert reporter.notes == [
        f"{kept} was trained without trainer.train_eval=true, which lrn/baseline seed 0 needs"
    ]
    finish(needing, 0.1)
    assert needing.finished
    assert job.finished, "for who needs less"
    assert needing.prepare(reporter) is None, "another process has finished it meanwhile"
    assert needing.finished


def test_the_log_of_a_run_that_another_process_trains_is_not_overwritten(
    monkeypatch: pytest.MonkeyPatch, processes: TrainingProcesses
) -> None:
    (job, _) = _jobs(seeds=1)
    job.run.make_parent()
    with job.log.open("ab", buffering=0) as log_of_the_other:
        log_of_the_other.write(b"epoch 1\n")
        _replace_trainings(monkeypatch, "import sys; sys.exit('it is locked')", forked=False)
        assert job.train(processes, threads=1) is not None
        log_of_the_other.write(b"epoch 2\n")
    lines = job.log.read_text().splitlines()
    assert [lines[0], *lines[-2:]] == ["epoch 1", "it is locked", "epoch 2"]


def test_the_command_names_the_folder_of_yaml_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CONF_VARIABLE, "/own")
    assert _jobs(seeds=1)[0].command()[3:6] == ["train", "--conf", "/own"]


@pytest.fixture
def processes() -> Iterator[TrainingProcesses]:
    """Processes that import nothing of a training."""
    with TrainingProcesses(NullReporter(), modules=[]) as running:
        yield running


def _replace_trainings(monkeypatch: pytest.MonkeyPatch, program: str, *, forked: bool) -> None:
    """Let every job run a program, in a process that is forked or started anew."""
    Path("program.py").write_text(program)
    command = ["-m", "program"] if forked else ["-c", program]
    monkeypatch.setattr(Job, "command", lambda *_: [sys.executable, *command])


@pytest.mark.parametrize("forked", [True, False])
def test_a_failed_run_shows_the_end_of_its_log_and_runs_again(
    monkeypatch: pytest.MonkeyPatch, processes: TrainingProcesses, *, forked: bool
) -> None:
    jobs = _jobs(seeds=1)
    program = "import sys; print('no room', file=sys.stderr); sys.exit(1)"
    _replace_trainings(monkeypatch, program, forked=forked)
    failures = run_jobs(jobs, 2, processes, NullReporter())
    assert len(failures) == 2
    assert all("no room" in message for message in failures)
    finish(jobs[0], 0.1)
    again = run_jobs(jobs, 2, processes, NullReporter())
    assert len(again) == 1, "a finished run is not repeated"


@pytest.mark.parametrize("forked", [True, False])
def test_a_killed_run_costs_itself_alone(
    monkeypatch: pytest.MonkeyPatch, processes: TrainingProcesses, *, forked: bool
) -> None:
    jobs = _jobs(seeds=2)
    notes: list[str] = []
    reporter = NullReporter()
    monkeypatch.setattr(reporter, "note", notes.append)
    program = "import os, pathlib\npathlib.Path(str(os.getpid())).touch()\nos.kill(os.getpid(), 9)"
    _replace_trainings(monkeypatch, program, forked=forked)
    assert len(run_jobs(jobs, 2, processes, reporter)) == 4
    assert len(list(Path().glob("[0-9]*"))) == 4, "each in a process of its own"
    for job in jobs:
        assert f"{job}: failed with exit code -9; see {job.log}" in notes


@pytest.mark.usefixtures("ctrl_c")
@pytest.mark.parametrize("forked", [True, False])
def test_an_interruption_keeps_what_is_finished(
    monkeypatch: pytest.MonkeyPatch, processes: TrainingProcesses, *, forked: bool
) -> None:
    jobs = _jobs(seeds=2)
    finish(jobs[0], 0.1)
    # Time and again, as someone does who does not see at once that it stops.
    interrupt = f"os.kill({os.getpid()}, signal.SIGINT); time.sleep(0.01)"
    program = f"import os, signal, time\nfor _ in range(20): {interrupt}"
    _replace_trainings(monkeypatch, program, forked=forked)
    with pytest.raises(InterruptedRunError, match="stopped with 1 of 4 runs finished"):
        run_jobs(jobs, 1, processes, NullReporter())


@pytest.mark.parametrize("forked", [True, False])
def test_the_epochs_of_all_trainings_are_shown_while_they_run(
    monkeypatch: pytest.MonkeyPatch, processes: TrainingProcesses, *, forked: bool
) -> None:
    monkeypatch.setattr("alexcli.ablation.jobs.SECONDS_BETWEEN_LOOKS", 0.01)
    first, second = jobs = _jobs(seeds=1)
    rows = [{"step": 3 * n, "epoch": n, "split": "train", "top1_err": 0.5} for n in (1, 2)]
    first.run.path.mkdir(parents=True)
    for row in rows:
        first.run.append_row(row)
    assert (first.epochs_made(), second.epochs_made()) == (2, 0)
    shown: list[tuple[str, int, int]] = []
    reporter = NullReporter()
    monkeypatch.setattr(reporter, "progress", lambda *words: shown.append(words))
    _replace_trainings(monkeypatch, "import time; time.sleep(0.2)", forked=forked)
    run_jobs(jobs, 2, processes, reporter)
    assert set(shown) == {("epochs", 2, 4)}
    assert len(shown) > 5


def test_metrics_that_cannot_be_read_count_as_no_epoch() -> None:
    job = _jobs(seeds=1)[0]
    job.run.metrics.mkdir(parents=True)
    assert job.epochs_made() == 0
