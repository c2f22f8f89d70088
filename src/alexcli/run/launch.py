"""Trainings that studies need, as child processes several at a time or as jobs of a cluster."""

import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from alexcli.errors import InterruptedRunError, UsageError
from alexcli.results import Reporter
from alexcli.run.rundir import RunDirectory
from alexcli.run.study import BASELINE
from alexcli.run.train import seconds_per_epoch
from alexcli.schema import Precision, TrainSpec

EXECUTORS = ("slurm", "local", "debug")
TAIL = 12  # lines of a failed run's log that are shown


@dataclass
class Job:
    """A training that studies need."""

    name: str
    """study/arm."""
    spec: TrainSpec
    words: list[str]
    run: RunDirectory

    def __str__(self) -> str:
        return f"{self.name} seed {self.spec.seed}"

    @property
    def finished(self) -> bool:
        """Whether there is nothing to do."""
        return self.run.result_file.exists()

    @property
    def log(self) -> Path:
        """What a child says, which may fail before it has a directory."""
        return self.run.path.parent / f".{self.run.path.name}.log"

    def command(self, threads: int | None = None) -> list[str]:
        """What a child process is started with."""
        words = [*self.words, f"seed={self.spec.seed}", f"label={self.run.path.parent.name}"]
        if threads and not any(word.startswith("trainer.threads=") for word in words):
            words.append(f"trainer.threads={threads}")
        arm = [] if self.name.endswith(f"/{BASELINE}") else ["--arm", self.name]
        return [sys.executable, "-m", "alexcli", "train", *arm, *words]

    def train(self, threads: int) -> str:
        """Train in a child process; why it failed, or nothing."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("wb") as log:
            code = subprocess.call(self.command(threads), stdout=subprocess.DEVNULL, stderr=log)
        return f"failed with exit code {code}; see {self.log}" if code or not self.finished else ""


def estimate(jobs: Sequence[Job]) -> list[tuple[Job, float]]:
    """Each run with the seconds it would take alone, from a few steps of its configuration."""
    speed: dict[str, float] = {}
    for job in jobs:
        if not job.finished and job.name not in speed:
            speed[job.name] = seconds_per_epoch(job.spec) * job.spec.optim.epochs
    return [(job, 0 if job.finished else speed[job.name]) for job in jobs]


def run_jobs(jobs: Sequence[Job], at_once: int, reporter: Reporter) -> list[str]:
    """Train what is not finished, as child processes.

    Args:
        jobs: of any state.
        at_once: trainings at a time, which share the cores.
        reporter: told as each ends.

    Returns:
        A message with the end of the log for each that failed.

    Raises:
        InterruptedRunError: Ctrl-C, which reaches the children too: they have saved.
    """
    waiting = [job for job in jobs if not job.finished]
    failed: list[str] = []
    reporter.note(f"{len(waiting)} of {len(jobs)} runs to train")
    threads = max(1, (os.cpu_count() or 1) // max(1, min(at_once, len(waiting))))
    with ThreadPoolExecutor(at_once) as pool:
        futures = {pool.submit(job.train, threads): job for job in waiting}
        try:
            for done, future in enumerate(as_completed(futures), start=1):
                job, why = futures[future], future.result()
                reporter.note(f"{job}: {why or _reached(job.run)}")
                reporter.counted("trainings", done, len(waiting))
                if why:
                    lines = job.log.read_text(encoding="utf-8", errors="replace").splitlines()
                    failed.append("\n".join([f"{job}:", *(f"  {line}" for line in lines[-TAIL:])]))
        except KeyboardInterrupt:
            pool.shutdown(cancel_futures=True)
            finished = sum(job.finished for job in jobs)
            raise InterruptedRunError.of("ablate.stopped", finished=finished, jobs=jobs) from None
        finally:
            reporter.close()
    return failed


def _reached(run: RunDirectory) -> str:
    result = run.result() or {}
    error = result["last"]["val"]["top1_err"]
    return f"top-1 error {error:.2%}, {result['seconds']:.0f} s, {run.path}"


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
