"""Trainings as jobs of a cluster, by submitit."""

from collections.abc import Sequence
from pathlib import Path

from alexcli.errors import UsageError
from alexcli.run.ablate import Job
from alexcli.schema import Precision

EXECUTORS = ("slurm", "local", "debug")


def submit(jobs: Sequence[Job]) -> list[str]:
    """Hand over what is not finished, and do not wait for it.

    Args:
        jobs: of any state; one that another process trains refuses to start twice. The group
            `launcher` of the first says where to.

    Returns:
        The cluster's names of the jobs.

    Raises:
        UsageError: submitit or Slurm is missing, or no such executor.
    """
    spec = jobs[0].spec.launcher
    if spec.executor not in EXECUTORS:
        raise UsageError.of("launch.executor", spec=spec, executors=EXECUTORS)
    if spec.executor == "slurm" and jobs[0].spec.trainer.precision is Precision.auto:
        raise UsageError.of("launch.precision")
    try:
        import submitit
    except ImportError:
        raise UsageError.of("launch.submitit") from None
    try:
        executor = submitit.AutoExecutor(Path(spec.folder).expanduser(), cluster=spec.executor)
    except RuntimeError as error:
        raise UsageError.of("launch.slurm", error=error) from error
    executor.update_parameters(
        name="alexcli",
        timeout_min=spec.minutes,
        cpus_per_task=spec.cpus,
        gpus_per_node=spec.gpus,
        **({"slurm_partition": spec.partition} if spec.partition else {}),
    )
    commands = [job.command() for job in jobs if not job.finished]
    with executor.batch():
        handles = [executor.submit(submitit.helpers.CommandFunction(words)) for words in commands]
    return [str(handle.job_id) for handle in handles]
