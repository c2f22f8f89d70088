"""Several trainings, one after another, each in a process of its own."""

import signal
import sys
from collections.abc import Sequence

from alexcli.reporter import Reporter
from alexcli.run.signals import signals_handled_by
from alexcli.run.training_processes import INTERRUPTED, TrainingProcesses


def sweep(jobs: Sequence[Sequence[str]], flags: Sequence[str], reporter: Reporter) -> list[int]:
    """Run `alexcli train` once for each list of overrides.

    A job that fails does not stop the next one; the same sweep again skips what is finished.

    Args:
        jobs: the KEY=VALUE words of each training.
        flags: options that all of them get.
        reporter: receives progress updates.

    Returns:
        The exit codes; 1 where a signal ended a training.
    """
    codes: list[int] = []
    # Ctrl-C reaches the training too, which saves before it stops; here it only means to wait.
    with (
        signals_handled_by(lambda *_: None, signal.SIGINT),
        TrainingProcesses(reporter) as processes,
    ):
        for number, overrides in enumerate(jobs, start=1):
            reporter.note(f"job {number} of {len(jobs)}: alexcli train {' '.join(overrides)}")
            command = [sys.executable, "-m", "alexcli", "train", *flags, *overrides]
            code = processes.call(command)
            codes.append(code if code >= 0 else 1)
            if code == INTERRUPTED:  # Ctrl-C is meant for all of them
                break
    return codes
