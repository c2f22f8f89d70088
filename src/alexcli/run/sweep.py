"""Several trainings, one after another, each in a process of its own."""

import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from alexcli.records.run_summary import RunSummary
from alexcli.records.sweep import INTERRUPTED, SweepJob
from alexcli.reporter import Reporter
from alexcli.run.directory import RunDirectory
from alexcli.run.listing import summarize
from alexcli.run.training_processes import TrainingProcesses
from alexcli.signals import signals_handled_by


def sweep(
    jobs: Sequence[Sequence[str]], flags: Sequence[str], reporter: Reporter
) -> list[SweepJob]:
    """Run `alexcli train` once for each list of overrides.

    A job that fails does not stop the next one; repeating the sweep skips finished jobs.

    Args:
        jobs: the KEY=VALUE words of each training.
        flags: options that all of them get.
        reporter: receives progress updates.

    Returns:
        The outcome of each job, in their order; exit code 1 if a signal ended a training.
    """
    ended: list[SweepJob] = []
    # Ctrl-C reaches the training too, which saves before it stops; here it only means to wait.
    with (
        signals_handled_by(lambda *_: None, signal.SIGINT),
        TrainingProcesses(reporter) as processes,
        signals_handled_by(lambda *_: processes.terminate(), signal.SIGTERM),
    ):
        for number, overrides in enumerate(jobs, start=1):
            reporter.note(f"job {number} of {len(jobs)}: alexcli train {' '.join(overrides)}")
            reporter.busy("starting")
            processes.make_imports()
            reporter.close()  # the training shows its own progress
            ended.append(_train(overrides, flags, processes))
            if ended[-1].exit_code in INTERRUPTED:  # the signal is meant for all jobs
                break
    not_started = [SweepJob(list(overrides), None, None) for overrides in jobs[len(ended) :]]
    return ended + not_started


def _train(
    overrides: Sequence[str], flags: Sequence[str], processes: TrainingProcesses
) -> SweepJob:
    """Run one job; the run directory is what it prints on stdout."""
    command = [sys.executable, "-m", "alexcli", "train", *flags, *overrides]
    with tempfile.TemporaryFile() as output:
        code = processes.call(command, output=output)
        output.seek(0)
        printed = output.read().decode(errors="surrogateescape").splitlines()
    return SweepJob(list(overrides), code if code >= 0 else 1, _run_at(printed, code))


def _run_at(printed: Sequence[str], code: int) -> RunSummary | None:
    """The finished run whose directory a training has printed last."""
    if code != 0 or not printed:
        return None
    run = RunDirectory(Path(printed[-1]))
    return summarize(run) if run.path.is_dir() else None
