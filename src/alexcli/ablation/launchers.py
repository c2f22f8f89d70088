"""Submitting trainings to a cluster's scheduler without waiting for them.

A launcher is a function in LAUNCHERS that takes jobs and returns the scheduler's names for them.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from alexcli.ablation.queued_training import QueuedTraining
from alexcli.errors import UsageError, plural
from alexcli.reporter import Reporter
from alexcli.run.listing import is_being_trained
from alexcli.schema import LauncherSpec, Precision

if TYPE_CHECKING:
    from alexcli.ablation.jobs import Job  # imports torch, which takes seconds

EXECUTORS = ("slurm", "local")
"""Executors of submitit that `launcher.executor` may name."""

MOST_REQUEUES = 100
"""How often a job at its time limit is requeued; submitit's own 3 is too few for a long run."""
SAVING_SECONDS = 120
"""How long before its time limit a job is told to save."""


def submit_slurm(jobs: Sequence[Job]) -> list[str]:
    """Submit jobs with submitit.

    Args:
        jobs: not finished; the `launcher` group of the first one says where they go. A job that
            another process is training refuses to start.

    Raises:
        UsageError: submitit or Slurm is missing, or there is no such executor.
    """
    spec = jobs[0].spec.launcher
    if spec.executor not in EXECUTORS:
        raise UsageError(
            f"launcher.executor={spec.executor} is not one of {', '.join(EXECUTORS)}",
            hint="launcher.executor=slurm",
        )
    if spec.executor == "slurm" and jobs[0].spec.trainer.precision is Precision.auto:
        raise UsageError(
            "this machine may have other hardware than the jobs, so trainer.precision=auto "
            "does not say how they would compute",
            hint="trainer.precision=bf16, or float32",
        )
    try:
        import submitit
    except ImportError:
        raise UsageError(
            "--launch slurm needs submitit, which is not installed",
            hint="pip install 'alexcli[slurm]'",
        ) from None
    try:
        executor = submitit.AutoExecutor(
            Path(spec.folder).expanduser(),
            cluster=spec.executor,
            slurm_max_num_timeout=MOST_REQUEUES,
        )
    except RuntimeError as error:
        raise UsageError(
            f"Slurm cannot be used here: {error}",
            hint="run this on a login node, or try it with launcher=local",
        ) from error
    executor.update_parameters(**_submitit_parameters(spec))
    with executor.batch():
        handles = [executor.submit(QueuedTraining(job.command())) for job in jobs]
    return [str(handle.job_id) for handle in handles]


def _submitit_parameters(spec: LauncherSpec) -> dict[str, object]:
    """The resources of a job, as submitit's parameters."""
    parameters: dict[str, object] = {
        "name": "alexcli",
        "timeout_min": spec.minutes,
        "cpus_per_task": spec.cpus,
        "gpus_per_node": spec.gpus,
        "slurm_signal_delay_s": SAVING_SECONDS,
    }
    if spec.partition:
        parameters["slurm_partition"] = spec.partition
    return parameters


LAUNCHERS: dict[str, Callable[[Sequence[Job]], list[str]]] = {"slurm": submit_slurm}
"""Values of `ablate --launch`, besides local."""


def submit(launcher: str, jobs: Sequence[Job], reporter: Reporter) -> None:
    """Submit the jobs that are neither finished nor being trained, without waiting for them.

    Args:
        launcher: a key of LAUNCHERS.
        jobs: of any state.
        reporter: receives a note of what was submitted, and of what was not.

    Raises:
        UsageError: the launcher cannot be used here, or a run's folder cannot be written.
    """
    unfinished = [job for job in jobs if not job.finished]
    in_training = [job for job in unfinished if is_being_trained(job.run)]
    if in_training:
        names = ", ".join(str(job) for job in in_training)
        reporter.note(f"not submitted, because they are being trained: {names}")
    waiting = [job for job in unfinished if job not in in_training]
    if not waiting:
        reporter.note(f"nothing to submit: {plural(len(jobs) - len(unfinished), 'run')} finished")
        return
    with _prepared(waiting, reporter):
        submitted = LAUNCHERS[launcher](waiting)
    reporter.note(f"submitted {', '.join(submitted)}")


@contextlib.contextmanager
def _prepared(jobs: Sequence[Job], reporter: Reporter) -> Iterator[None]:
    """Make place for the runs of jobs; what was kept aside returns if they cannot be submitted."""
    old_runs: list[tuple[Path, Path]] = []
    try:
        for job in jobs:
            old_run = job.prepare(reporter)
            if old_run is not None:
                old_runs.append((old_run, job.run.path))
        yield
    except BaseException:
        for old_run, place in old_runs:
            old_run.rename(place)
            reporter.note(f"nothing was submitted; {old_run} is {place} again")
        raise
