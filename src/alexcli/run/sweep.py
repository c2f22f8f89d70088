"""Several trainings, one after another, each in a process of its own."""

import signal
import subprocess
import sys
from collections.abc import Sequence

from alexcli.errors import InterruptedRunError
from alexcli.reporter import Reporter
from alexcli.run.signals import signals_handled_by

INTERRUPTED = InterruptedRunError.exit_code
"""Exit code of a run that Ctrl-C stopped."""


def sweep(jobs: Sequence[Sequence[str]], flags: Sequence[str], reporter: Reporter) -> list[int]:
    """Run `alexcli train` once for each list of overrides.

    A job that fails does not stop the next one; the same sweep again skips what is finished.

    Args:
        jobs: the KEY=VALUE words of each training.
        flags: options that all of them get.
        reporter: receives progress updates.

    Returns:
        The exit codes; 1 where a signal ended a child.
    """
    codes: list[int] = []
    # Ctrl-C reaches the child too, which saves before it stops; here it only means to wait for it.
    with signals_handled_by(lambda *_: None, signal.SIGINT):
        for number, overrides in enumerate(jobs, start=1):
            reporter.note(f"job {number} of {len(jobs)}: alexcli train {' '.join(overrides)}")
            command = [sys.executable, "-m", "alexcli", "train", *flags, *overrides]
            code = subprocess.call(command)
            codes.append(code if code >= 0 else 1)
            if code == INTERRUPTED:  # Ctrl-C is meant for all of them
                break
    return codes
