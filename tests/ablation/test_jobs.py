"""Trainings as child processes."""

import signal
import sys
from collections.abc import Iterator

import pytest

from alexcli.ablation.jobs import Job, run_jobs
from alexcli.ablation.plan import Ablation
from alexcli.errors import InterruptedRunError
from alexcli.reporter import NullReporter
from tests.ablation.finished import finish
from tests.conftest import SMALL


def _jobs(seeds: int) -> list[Job]:
    return Ablation(["lrn"], SMALL, seeds).jobs()


def test_the_command_names_seed_label_and_arm() -> None:
    baseline, arm = _jobs(seeds=1)
    start = [sys.executable, "-m", "alexcli", "train"]
    assert baseline.command() == [*start, *SMALL, "seed=0", "label=quickstart"]
    assert arm.command()[:6] == [*start, "--arm", "lrn/without"]
    assert baseline.command(threads=1)[-1] == "trainer.threads=1"
    baseline.overrides.append("trainer.threads=2")
    assert "trainer.threads=1" not in baseline.command(threads=1)


def test_a_failed_run_shows_the_end_of_its_log_and_runs_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    jobs = _jobs(seeds=1)
    program = "import sys; print('no room', file=sys.stderr); sys.exit(1)"
    monkeypatch.setattr(Job, "command", lambda *_: [sys.executable, "-c", program])
    failures = run_jobs(jobs, 2, NullReporter())
    assert len(failures) == 2
    assert all("no room" in message for message in failures)
    finish(jobs[0], 0.1)
    assert len(run_jobs(jobs, 2, NullReporter())) == 1, "a finished run is not repeated"


@pytest.fixture
def ctrl_c() -> Iterator[None]:
    """Python's own answer to SIGINT, which a shell's background job starts without."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ctrl_c")
def test_an_interruption_keeps_what_is_finished(monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = _jobs(seeds=2)
    finish(jobs[0], 0.1)
    program = "import os, signal; os.kill(os.getppid(), signal.SIGINT)"
    monkeypatch.setattr(Job, "command", lambda *_: [sys.executable, "-c", program])
    with pytest.raises(InterruptedRunError, match="1 of 4 runs are finished"):
        run_jobs(jobs, 1, NullReporter())
