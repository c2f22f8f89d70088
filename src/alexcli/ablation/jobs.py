"""The trainings that studies need, each in its own process on this machine."""

import contextlib
import os
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

from alexcli.ablation.reuse import RecordedRun, has_train_eval_beside_fingerprint
from alexcli.ablation.study import BASELINE
from alexcli.config.files import CONF_VARIABLE
from alexcli.errors import InterruptedRunError, TerminatedRunError, UsageError, plural
from alexcli.reporter import Reporter
from alexcli.run.directory import RunDirectory
from alexcli.run.training_processes import TrainingProcesses
from alexcli.schema import TrainSpec
from alexcli.signals import Terminated, one_keyboard_interrupt

LOG_TAIL = 12
"""Lines of a failed run's log that are shown."""
SECONDS_BETWEEN_LOOKS = 5.0
"""Interval at which the metrics of running trainings are read."""


@dataclass
class Job:
    """A training that studies need."""

    name: str
    """study/arm."""
    spec: TrainSpec
    overrides: list[str]
    """Overrides that choose its configuration, except seed and label."""
    run: RunDirectory
    recorded: RecordedRun | None = None
    """Its values in a recorded study, which replace a finished run."""

    def __str__(self) -> str:
        return f"{self.name} seed {self.spec.seed}"

    @property
    def finished(self) -> bool:
        """Whether there is nothing to do."""
        if self.recorded is not None:
            return True
        return self.run.result_file.exists() and not self.lacks_train_eval

    @property
    def lacks_train_eval(self) -> bool:
        """Whether its run was trained without the train_eval rows that it needs."""
        if not has_train_eval_beside_fingerprint(self.spec):
            return False
        return all(row["split"] != "train_eval" for row in self.run.rows())

    @property
    def _lacks_rows(self) -> bool:
        """Whether its run is finished, but without the train_eval rows that it needs."""
        return self.run.result_file.exists() and self.lacks_train_eval

    def measures_more_than(self, other: "Job") -> bool:
        """Whether it needs what another job with the same run directory does not.

        That is a trained net in place of a record, or train_eval rows.
        """
        if self.finished:
            return False
        return other.finished or has_train_eval_beside_fingerprint(self.spec)

    @property
    def log(self) -> Path:
        """File with the output of its process."""
        return self.run.process_log

    def command(self, threads: int | None = None) -> list[str]:
        """The command line that trains it.

        Args:
            threads: CPU threads, unless the overrides choose them; None for all.
        """
        overrides = [
            *self.overrides,
            f"seed={self.spec.seed}",
            f"label={self.run.path.parent.name}",
        ]
        chooses_threads = any(word.startswith("trainer.threads=") for word in overrides)
        if threads and not chooses_threads:
            overrides.append(f"trainer.threads={threads}")
        conf = os.environ.get(CONF_VARIABLE)  # a scheduler may not pass it on
        conf_option = ["--conf", conf] if conf else []
        is_baseline = self.name.endswith(f"/{BASELINE}")
        arm_option = [] if is_baseline else ["--arm", self.name]
        return [sys.executable, "-m", "alexcli", "train", *conf_option, *arm_option, *overrides]

    def prepare(self, reporter: Reporter) -> Path | None:
        """Make place for the run: a finished one without the needed train_eval rows is kept aside.

        Args:
            reporter: receives a note of what is kept where.

        Returns:
            Where it is kept; None if there was nothing to keep.

        Raises:
            UsageError: the folder cannot be written, or another process trains there.
        """
        self.run.make_parent()
        if not self._lacks_rows:
            return None
        with self.run.locked():
            if not self._lacks_rows:  # another process has kept it aside meanwhile
                return None
            old_run = self.run.keep_old()
        reporter.note(f"{old_run} was trained without trainer.train_eval=true, which {self} needs")
        return old_run

    def train(self, processes: TrainingProcesses, threads: int) -> str | None:
        """Train in a separate process.

        Args:
            processes: runs the command.
            threads: CPU threads of the process.

        Returns:
            Why it failed, or None.
        """
        command = self.command(threads)
        with self.log.open("ab") as log:  # another process that trains the run may be writing, too
            log.write(f"{shlex.join(command)}\n".encode())
            log.flush()
            code = processes.call(command, log)
        if code == 0 and self.finished:
            return None
        return f"failed with exit code {code}; see {self.log}"

    def epochs_made(self) -> int:
        """Number of epochs in its metrics; 0 if they cannot be read."""
        with contextlib.suppress(UsageError):
            return max((row["epoch"] for row in self.run.rows()), default=0)
        return 0

    def log_tail(self) -> str:
        """The end of its log, under its name."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join([f"{self}:", *(f"  {line}" for line in lines[-LOG_TAIL:])])

    def summary(self) -> str:
        """One line with the results of the finished run."""
        result = self.run.result() or {}
        error = (result.get("test") or result["last"]["val"])["top1_err"]
        return f"top-1 error {error:.2%}, {result['seconds']:,.0f} s, {self.run.path}"


def run_jobs(
    jobs: Sequence[Job],
    parallel: int,
    processes: TrainingProcesses,
    reporter: Reporter,
    may_start: Callable[[], bool] = lambda: True,
) -> list[str]:
    """Run the jobs that are not finished.

    Args:
        jobs: of any state.
        parallel: trainings at a time, which share the cores.
        processes: run the trainings.
        reporter: receives progress updates.
        may_start: asked before each training; those that may not start are left unfinished.

    Returns:
        A message with the end of the log for each job that failed.

    Raises:
        UsageError: the folder of a run cannot be written; nothing was trained.
        InterruptedRunError: Ctrl-C, which the trainings receive too; they have saved.
        TerminatedRunError: SIGTERM, within `sigterm_as_error`; the trainings have saved.
    """
    waiting = [job for job in jobs if not job.finished]
    failures: list[str] = []
    if not waiting:
        return failures
    for job in waiting:
        job.prepare(reporter)
    reporter.note(f"{len(waiting)} of {plural(len(jobs), 'run')} to train")
    threads = max(1, (os.cpu_count() or 1) // min(parallel, len(waiting)))

    def train(job: Job) -> str | None:
        if interrupted.is_set() or not may_start():
            return None
        return job.train(processes, threads)

    with one_keyboard_interrupt() as interrupted, ThreadPoolExecutor(parallel) as pool:
        try:
            futures = {pool.submit(train, job): job for job in waiting}
            for future in _as_completed(futures, reporter):
                job = futures[future]
                failure = future.result()
                if failure or job.finished:
                    reporter.note(f"{job}: {failure or job.summary()}")
                if failure:
                    failures.append(job.log_tail())
        except (KeyboardInterrupt, Terminated) as stop:
            if isinstance(stop, Terminated):  # perhaps sent to this process alone
                processes.terminate()
            pool.shutdown(cancel_futures=True)
            raise _stopped(jobs, by_ctrl_c=isinstance(stop, KeyboardInterrupt)) from None
        finally:
            reporter.close()
    return failures


def _as_completed(
    futures: Mapping[Future[str | None], Job], reporter: Reporter
) -> Iterator[Future[str | None]]:
    """Yield trainings as they end, and report the progress of all of them meanwhile."""
    jobs = futures.values()
    total = sum(job.spec.optim.epochs for job in jobs)
    running = set(futures)
    while running:
        reporter.progress("epochs", sum(job.epochs_made() for job in jobs), total)
        ended, running = wait(running, SECONDS_BETWEEN_LOOKS, FIRST_COMPLETED)
        yield from ended


def _stopped(jobs: Sequence[Job], *, by_ctrl_c: bool) -> InterruptedRunError | TerminatedRunError:
    """The error that says what is finished."""
    finished = sum(job.finished for job in jobs)
    kind = InterruptedRunError if by_ctrl_c else TerminatedRunError
    return kind(
        f"stopped with {finished} of {plural(len(jobs), 'run')} finished; the others have saved",
        hint="repeat the same command to resume",
    )
