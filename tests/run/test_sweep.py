"""Several trainings one after another."""

import sys
from collections.abc import Sequence
from typing import IO

import pytest

from alexcli.reporter import NullReporter
from alexcli.run.directory import RunDirectory
from alexcli.run.sweep import sweep
from alexcli.run.training_processes import INTERRUPTED, TrainingProcesses

JOBS = [["seed=0"], ["seed=1"], ["seed=2"]]


def _record_calls(
    monkeypatch: pytest.MonkeyPatch, codes: Sequence[int], printed: str = ""
) -> list[list[str]]:
    """Answer trainings with exit codes and what they print; the commands that were started."""
    commands: list[list[str]] = []
    remaining = iter(codes)

    def call(_: TrainingProcesses, command: list[str], *, output: IO[bytes]) -> int:
        commands.append(command)
        output.write(printed.encode())
        return next(remaining)

    monkeypatch.setattr(TrainingProcesses, "call", call)
    monkeypatch.setattr(TrainingProcesses, "make_imports", lambda _: None)
    return commands


def _codes(jobs: Sequence[Sequence[str]]) -> list[int | None]:
    return [job.exit_code for job in sweep(jobs, [], NullReporter())]


def test_every_job_is_a_train_command_with_the_same_flags(monkeypatch: pytest.MonkeyPatch) -> None:
    commands = _record_calls(monkeypatch, [0, 0, 0])
    ended = sweep(JOBS, ["--resume", "never"], NullReporter())
    start = [sys.executable, "-m", "alexcli", "train", "--resume", "never"]
    assert commands == [[*start, *job] for job in JOBS]
    assert [job.overrides for job in ended] == JOBS


def test_a_job_says_that_it_starts_until_its_process_shows_how_it_goes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    events: list[str] = []

    class EventReporter(NullReporter):
        """Keeps what is said of the job, in order."""

        def note(self, text: str) -> None:
            events.append(text)

        def busy(self, task: str) -> None:
            events.append(task)

        def close(self) -> None:
            events.append("close")

    _record_calls(monkeypatch, [0])
    monkeypatch.setattr(TrainingProcesses, "make_imports", lambda _: events.append("imports"))
    sweep([["seed=0"]], [], EventReporter())
    assert events == ["job 1 of 1: alexcli train seed=0", "starting", "imports", "close"]


def test_a_failed_job_does_not_stop_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    _record_calls(monkeypatch, [0, -9, 2])
    assert _codes(JOBS) == [0, 1, 2]


def test_ctrl_c_stops_all_jobs_and_what_was_not_started_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    commands = _record_calls(monkeypatch, [0, INTERRUPTED, 0])
    assert _codes(JOBS) == [0, INTERRUPTED, None]
    assert len(commands) == 2


def test_a_finished_job_has_the_errors_of_the_run_that_it_printed(
    monkeypatch: pytest.MonkeyPatch, run: RunDirectory
) -> None:
    _record_calls(monkeypatch, [0], printed=f"{run.path}\n")
    (job,) = sweep(JOBS[:1], [], NullReporter())
    assert job.run is not None
    result = run.result()
    assert result is not None
    assert job.run.val_err == result["last"]["val"]["top1_err"]
    _record_calls(monkeypatch, [1], printed=f"{run.path}\n")
    (failed,) = sweep(JOBS[:1], [], NullReporter())
    assert failed.run is None
