"""The outcome of a sweep's jobs."""

from collections.abc import Sequence
from dataclasses import dataclass

from alexcli.errors import InterruptedRunError, TerminatedRunError
from alexcli.records.run_summary import RunSummary

INTERRUPTED = (InterruptedRunError.exit_code, TerminatedRunError.exit_code)
"""Exit codes of a training that was saved and can be resumed."""


@dataclass
class SweepJob:
    """A training of a sweep."""

    overrides: list[str]
    """Its KEY=VALUE words, those that all jobs share included."""
    exit_code: int | None
    """Exit code of its process; None if Ctrl-C ended the sweep before it started."""
    run: RunSummary | None
    """The run of a training that finished now or had finished before."""

    @property
    def state(self) -> str:
        """finished, failed, interrupted or not started."""
        if self.exit_code is None:
            return "not started"
        if self.run is not None:
            return "finished"
        return "interrupted" if self.exit_code in INTERRUPTED else "failed"


def best_first(jobs: Sequence[SweepJob]) -> list[SweepJob]:
    """The jobs sorted by validation error; those without one come last, in their original order.

    The test error is never used, or it would not be a test any more.
    """
    return sorted(jobs, key=_error)


def _error(job: SweepJob) -> float:
    error = job.run.val_err if job.run else None
    return float("inf") if error is None else error
