"""Training the arms of studies: a fixed number of seeds, or as many as a precision takes."""

import contextlib
import math
import threading
import time
from collections.abc import Iterator, Sequence

from alexcli.ablation.estimate import PILOT
from alexcli.ablation.jobs import Job, run_jobs
from alexcli.ablation.plan import Ablation
from alexcli.ablation.precision import AutoSeeds, missing_seeds
from alexcli.ablation.study import Arm, Study
from alexcli.errors import UsageError, plural
from alexcli.reporter import Reporter
from alexcli.run.timing import seconds_per_epoch
from alexcli.run.training_processes import TrainingProcesses

MINUTES_PER_ARM = 15
"""Default budget for each compared arm."""
MOST_OVER_DEFAULT = 4
"""A pilot that takes more than this many times the default budget needs an explicit budget."""
SLOWEST_SHARE = 1.1
"""Safety factor of a training's time when checking whether it fits in the budget."""


def train_all(ablation: Ablation, parallel: int, reporter: Reporter) -> list[str]:
    """Run unfinished trainings, sources before the arms that start from them; see `run_jobs`."""
    with TrainingProcesses(reporter) as processes:
        return _train_planned(ablation, parallel, processes, reporter, Budget(math.inf))


def train_until_precise(
    ablation: Ablation, auto: AutoSeeds, parallel: int, reporter: Reporter
) -> list[str]:
    """Train PILOT seeds of every arm, then more until every interval is narrow enough.

    Args:
        ablation: with automatic seeds, which are added to it.
        auto: the wanted precision, and the budget.
        parallel: trainings at a time, which share the cores.
        reporter: receives an estimate first, then progress updates.

    Returns:
        A message with the end of the log for each training that failed.

    Raises:
        UsageError: the pilot does not fit in the budget; nothing was trained.
        InterruptedRunError: Ctrl-C; the trainings have saved.
    """
    ablation.add_finished_seeds()
    budget = _budget(ablation, auto, reporter)
    with TrainingProcesses(reporter) as processes:
        while True:
            failures = _train_planned(ablation, parallel, processes, reporter, budget)
            if failures or budget.ended:
                return failures
            with budget.evaluations():
                added = add_missing_seeds(ablation, auto, reporter)
            if not added:
                return failures


class Budget:
    """The time that trainings and the evaluations of their nets may take.

    Args:
        seconds: from now on.
    """

    def __init__(self, seconds: float) -> None:
        self.end = time.monotonic() + seconds
        self.seconds_per_training = 0.0
        """The longest training so far, or an estimate before the first one."""
        self.seconds_per_evaluation = 0.0
        """Seconds per training that evaluations took in the last round; 0 before the first one."""
        self.ended = False
        """Whether a training was skipped for lack of time."""
        self._unevaluated = 0
        """Number of trainings of this round; their nets are evaluated at its end, one by one."""
        self._lock = threading.Lock()
        """Held while a training asks whether it may start, since several may ask at once."""

    def may_start(self) -> bool:
        """Whether another training and all evaluations are expected to end in time."""
        with self._lock:
            training = SLOWEST_SHARE * self.seconds_per_training
            evaluations = self.seconds_per_evaluation * (self._unevaluated + 1)
            if time.monotonic() + training + evaluations <= self.end:
                self._unevaluated += 1
                return True
            self.ended = True
            return False

    @contextlib.contextmanager
    def evaluations(self) -> Iterator[None]:
        """Measure the time of this round's evaluations, which run in the block."""
        began = time.monotonic()
        yield
        if self._unevaluated:
            self.seconds_per_evaluation = (time.monotonic() - began) / self._unevaluated
        self._unevaluated = 0


def _train_planned(
    ablation: Ablation,
    parallel: int,
    processes: TrainingProcesses,
    reporter: Reporter,
    budget: Budget,
) -> list[str]:
    """Run the planned trainings, then those that start from nets of the first pass."""
    for _ in range(2):
        jobs = ablation.jobs()
        failures = run_jobs(jobs, parallel, processes, reporter, budget.may_start)
        budget.seconds_per_training = max(
            [budget.seconds_per_training, *(_seconds(job) for job in jobs if job.finished)]
        )
        if failures or budget.ended:
            break
    return failures


def _seconds(job: Job) -> float:
    """Seconds that a finished training took, on this or another machine."""
    return float((job.run.result() or {}).get("seconds", 0.0))


def add_missing_seeds(ablation: Ablation, auto: AutoSeeds, reporter: Reporter) -> bool:
    """Request more seeds for each interval that is too wide; return whether there was one.

    Args:
        ablation: whose planned seeds are finished.
        auto: the wanted precision.
        reporter: receives progress updates of evaluations.
    """
    added = False
    for study in ablation.studies:
        for arm in study.compared_arms:
            missing = missing_seeds(ablation, study, arm, auto, reporter)
            if missing:
                ablation.add_seeds(study, arm, _next_count(ablation, study, arm, missing))
                added = True
    return added


def _next_count(ablation: Ablation, study: Study, arm: Arm, missing: int) -> int:
    """The seeds of an arm in the next round.

    Half of the seeds that seem to be missing are added at a time, and at most as many as there are
    so far, since the spread is not known well yet.
    """
    so_far = len(ablation.seeds(study, arm))
    more = max(1, missing // 2) * arm.nets_per_value
    return so_far + min(more, so_far)


def check_pilot(trainings: int, pilot_minutes: float, minutes: float) -> None:
    """Raise UsageError if the first seeds take longer than a budget.

    Args:
        trainings: number of unfinished trainings of the first seeds.
        pilot_minutes: minutes that those take.
        minutes: the budget.
    """
    if pilot_minutes > minutes:
        raise UsageError(
            f"{plural(trainings, 'training')} for the first {PILOT:,} seeds take about "
            f"{pilot_minutes:,.0f} min here, and the budget is {minutes:,.0f} min",
            hint=f"--budget {math.ceil(1.5 * pilot_minutes):,} allows some more than these; "
            "--seeds 2 trains two of each arm however long it takes",
        )


def _budget(ablation: Ablation, auto: AutoSeeds, reporter: Reporter) -> Budget:
    """The budget, after an estimate of the pilot's time; UsageError if it does not fit."""
    jobs = [job for job in ablation.jobs() if not job.finished]
    arms = sum(len(study.compared_arms) for study in ablation.studies)
    minutes = MINUTES_PER_ARM * arms if auto.minutes is None else auto.minutes
    if not jobs:
        return Budget(60 * minutes)
    seconds_of = seconds_of_trainings(jobs)
    pilot_minutes = sum(seconds_of[job.name] for job in jobs) / 60
    if auto.minutes is not None or pilot_minutes > MOST_OVER_DEFAULT * minutes:
        check_pilot(len(jobs), pilot_minutes, minutes)
    limit = max(minutes, pilot_minutes)  # the pilot may exceed a default budget
    reporter.note(
        f"{plural(len(jobs), 'training')} for the first {PILOT:,} seeds, about "
        f"{pilot_minutes:,.0f} min of updates; then as many seeds as the precision needs, within "
        f"{limit:,.0f} min in all"
    )
    budget = Budget(60 * limit)
    budget.seconds_per_training = max(seconds_of.values())
    return budget


def seconds_of_trainings(jobs: Sequence[Job]) -> dict[str, float]:
    """Seconds of a training on this machine, by the jobs' names, from a few steps of each.

    The seeds of an arm share a name, and only one of them is measured.

    Args:
        jobs: not finished.
    """
    spec_of = {job.name: job.spec for job in jobs}
    return {name: seconds_per_epoch(spec) * spec.optim.epochs for name, spec in spec_of.items()}
