"""A training in a scheduler's job: saved and requeued at the job's time limit."""

import logging
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

from alexcli.errors import TerminatedRunError
from alexcli.parent_watch import child_environ
from alexcli.signals import signals_handled_by

JOB_LOG = logging.getLogger("submitit")
"""submitit's own logger, which writes to the log of the job."""
SIGNALLED = 128
"""Added to a signal's number, this is a shell's exit code for a process that the signal ended."""


class QueuedTraining:
    """The callable that submitit runs in a job.

    Args:
        command: the command line that trains and, repeated, resumes.
    """

    def __init__(self, command: Sequence[str]) -> None:
        self.command = list(command)
        self.process: subprocess.Popen[bytes] | None = None
        self.terminated = False

    def __call__(self) -> int:
        """Train.

        Returns:
            0.

        Raises:
            SystemExit: with the exit code of a failed training, whose message is in the job's log;
                with 75 if the scheduler ended the job by SIGTERM.
        """
        preemption = _preemption_signal()
        # Slurm sends the signal to every process of the job; it must not end the training.
        signal.pthread_sigmask(signal.SIG_BLOCK, [preemption])
        self.process = subprocess.Popen(self.command, env=child_environ())
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [preemption])
        with signals_handled_by(self._note_termination, signal.SIGTERM):
            code = self.process.wait()
        if code == TerminatedRunError.exit_code and not self.terminated:
            os.kill(os.getpid(), preemption)  # submitit asks for a checkpoint and requeues the job
        if code < 0:
            JOB_LOG.error(f"the training was ended by {signal.Signals(-code).name}")
            code = SIGNALLED - code
        if code:
            sys.exit(code)
        return code

    def _note_termination(self, *_: object) -> None:
        """Leave it to the scheduler whether it queues the job again.

        A job that its user cancels gets SIGTERM too, and must not be requeued. The training has
        received the signal as well, and would not save after a second one.
        """
        self.terminated = True

    def checkpoint(self) -> Any:
        """Let the training save and stop; submitit calls this before it queues the job again.

        Returns:
            submitit's DelayedSubmission of the same training.
        """
        import submitit

        if self.process is not None and self.process.returncode is None:
            self.process.terminate()
            # Not `wait`: submitit's handler interrupted this thread there, while it held its lock.
            os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WNOWAIT)
        return submitit.helpers.DelayedSubmission(QueuedTraining(self.command))


def _preemption_signal() -> signal.Signals:
    """The signal that tells a submitit job that it is at its time limit."""
    import submitit

    return signal.Signals[f"SIG{submitit.JobEnvironment.USR_SIG}"]
