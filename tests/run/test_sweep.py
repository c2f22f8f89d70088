"""Several trainings one after another."""

import sys
from collections.abc import Sequence

import pytest

from alexcli.reporter import NullReporter
from alexcli.run.sweep import sweep
from alexcli.run.training_processes import INTERRUPTED, TrainingProcesses

JOBS = [["seed=0"], ["seed=1"], ["seed=2"]]


def _record_calls(monkeypatch: pytest.MonkeyPatch, codes: Sequence[int]) -> list[list[str]]:
    """Answer trainings with exit codes; the commands that were started."""
    commands: list[list[str]] = []
    remaining = iter(codes)

    def call(_: TrainingProcesses, command: list[str]) -> int:
        commands.append(command)
        return next(remaining)

    monkeypatch.setattr(TrainingProcesses, "call", call)
    return commands


def test_every_job_is_a_train_command_with_the_same_flags(monkeypatch: pytest.MonkeyPatch) -> None:
    commands = _record_calls(monkeypatch, [0, 0, 0])
    assert sweep(JOBS, ["--resume", "never"], NullReporter()) == [0, 0, 0]
    start = [sys.executable, "-m", "alexcli", "train", "--resume", "never"]
    assert commands == [[*start, *job] for job in JOBS]


def test_a_failed_job_does_not_stop_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    _record_calls(monkeypatch, [0, -9, 2])
    assert sweep(JOBS, [], NullReporter()) == [0, 1, 2]


def test_ctrl_c_stops_all_jobs(monkeypatch: pytest.MonkeyPatch) -> None:
    commands = _record_calls(monkeypatch, [0, INTERRUPTED, 0])
    assert sweep(JOBS, [], NullReporter()) == [0, INTERRUPTED]
    assert len(commands) == 2
