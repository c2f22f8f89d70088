"""What became of the jobs of a sweep."""

from collections.abc import Sequence
from dataclasses import dataclass

from alexcli.errors import InterruptedRunError
from alexcli.records.run_summary import RunSummary


@dataclass
class SweepJob:
    """A training of a sweep."""

    overrides: list[str]
    """Its KEY=VALUE words, those that all jobs share included."""
    exit_code: int | None
    """Exit code of its process; None if it was not started, because Ctrl-C had ended the sweep."""
    run: RunSummary | None
    """The run of a training that finished, or that had been finished before."""

    @property
    def state(self) -> str:
        """finished, failed, interrupted or not started."""
        if self.exit_code is None:
            return "not started"
        if self.run is not None:
            return "finished"
        return "interrupted" if self.exit_code == InterruptedRunError.exit_code else "failed"


def best_first(jobs: Sequence[SweepJob]) -> list[SweepJob]:
    """The jobs by their validation errors; those without one keep their order, after the others.

    The test error is never looked at, or it would be no test any more.
    """
    return sorted(jobs, key=_error)


def _error(job: SweepJob) -> float:
    error = job.run.val_err if job.run else None
    return float("inf") if error is None else error
