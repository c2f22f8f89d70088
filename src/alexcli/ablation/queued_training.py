"""A training in the hands of a scheduler: saved and queued again when its time is up."""

import os
import signal
import subprocess
from collections.abc import Sequence
from typing import Any

from alexcli.errors import RunFailedError, TerminatedRunError
from alexcli.parent_watch import child_environ


class QueuedTraining:
    """What submitit calls in a job.

    Args:
        command: the command line that trains and, repeated, resumes.
    """

    def __init__(self, command: Sequence[str]) -> None:
        self.command = list(command)
        self.process: subprocess.Popen[bytes] | None = None

    def __call__(self) -> int:
        """Train.

        Returns:
            0.

        Raises:
            RunFailedError: the training failed; the job's log says why.
        """
        preemption = _preemption_signal()
        # Slurm sends the signal to every process of the job; the training is not to die of it.
        signal.pthread_sigmask(signal.SIG_BLOCK, [preemption])
        self.process = subprocess.Popen(self.command, env=child_environ())
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [preemption])
        code = self.process.wait()
        if code == TerminatedRunError.exit_code:
            os.kill(os.getpid(), preemption)  # submitit asks for a checkpoint and requeues the job
        if code:
            raise RunFailedError(f"{' '.join(self.command)}: exit code {code}")
        return code

    def checkpoint(self) -> Any:
        """Let the training save and stop; submitit calls this before it queues the job again.

        Returns:
            submitit's DelayedSubmission of the same training.
        """
        import submitit

        if self.process is not None and self.process.returncode is None:
            self.process.terminate()
            # Not `wait`, whose lock this thread holds: submitit's handler has interrupted it there.
            os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WNOWAIT)
        return submitit.helpers.DelayedSubmission(QueuedTraining(self.command))


def _preemption_signal() -> signal.Signals:
    """The signal that tells a job of submitit's that its time is up."""
    import submitit

    return signal.Signals[f"SIG{submitit.JobEnvironment.USR_SIG}"]
