"""Several trainings, each a child process, one after another."""

import subprocess
import sys
from collections.abc import Sequence

from alexcli.results import Reporter


def sweep(jobs: Sequence[Sequence[str]], flags: Sequence[str], reporter: Reporter) -> list[int]:
    """Run `alexcli train` once for each list of overrides.

    A job that fails does not stop the next; the same sweep again skips what is finished.

    Returns:
        The exit codes.
    """
    codes = []
    for number, words in enumerate(jobs, start=1):
        reporter.note(f"job {number} of {len(jobs)}: alexcli train {' '.join(words)}")
        command = [sys.executable, "-m", "alexcli", "train", *flags, *words]
        code = _wait(subprocess.Popen(command))
        codes.append(code)
        if code == 130:  # Ctrl-C is meant for all of them.
            break
    return codes


def _wait(child: "subprocess.Popen[bytes]") -> int:
    """The exit code; 1 where a signal ended the child.

    Ctrl-C reaches the child too, which saves before it stops, so here it only means to wait on.
    """
    while True:
        try:
            code = child.wait()
            return code if code >= 0 else 1
        except KeyboardInterrupt:
            continue
