"""The precision that a study aims at, how much of it was reached, and what is missing."""

import math
import statistics
from collections.abc import Mapping
from dataclasses import dataclass

from alexcli.ablation.compare import paired_differences
from alexcli.ablation.estimate import estimate, seeds_for
from alexcli.ablation.plan import Ablation
from alexcli.ablation.study import Arm, Study
from alexcli.ablation.values import arm_values, baseline_values, column_of, finished_jobs
from alexcli.records.study import Precision
from alexcli.reporter import Reporter
from alexcli.run.timing import seconds_per_epoch
from alexcli.schema import Metric

DEFAULT_PRECISION = 0.005
"""Target half-width of an interval: half a point of error."""
DEFAULT_RATIO_PRECISION = 0.1
"""The same for ratios of epochs."""


@dataclass
class AutoSeeds:
    """How precisely differences are to be measured, and how long that may take."""

    precision: float | None = None
    """Half-width, a fraction; None for the study's own, or else DEFAULT_PRECISION."""
    minutes: float | None = None
    """The budget; None for training.MINUTES_PER_ARM for each arm."""

    def half_width(self, study: Study) -> float:
        """The half-width that a study aims at, on the scale of its differences."""
        of_study = study.definition.precision
        if study.definition.metric is Metric.epochs:
            return math.log1p(of_study or DEFAULT_RATIO_PRECISION)
        return self.precision or of_study or DEFAULT_PRECISION


def differences_so_far(
    ablation: Ablation, study: Study, arm: Arm, reporter: Reporter | None = None
) -> list[float]:
    """The differences of the finished seeds in the study's metric.

    Args:
        ablation: the studies.
        study: one of them.
        arm: of the study.
        reporter: receives progress updates of evaluations.
    """
    metric = study.definition.metric
    return paired_differences(
        column_of(arm_values(ablation, study, arm, reporter), metric),
        column_of(baseline_values(ablation, study, arm, reporter), metric),
        metric,
        study.baseline.spec.optim.epochs,
    )


def missing_seeds(
    ablation: Ablation, study: Study, arm: Arm, auto: AutoSeeds, reporter: Reporter | None = None
) -> int:
    """Estimate how many values an arm still lacks for the wanted precision.

    Args:
        ablation: the studies.
        study: one of them.
        arm: of the study.
        auto: the wanted precision.
        reporter: receives progress updates of evaluations.
    """
    differences = differences_so_far(ablation, study, arm, reporter)
    if len(differences) < 2:
        return 0
    return seeds_for(differences, auto.half_width(study)) - len(differences)


def reached_precision(
    ablation: Ablation, study: Study, auto: AutoSeeds, parallel: int
) -> Precision:
    """How precisely the arms of a study were measured, and what the wanted precision would take.

    Args:
        ablation: the studies.
        study: one of them.
        auto: the wanted precision.
        parallel: trainings at a time.
    """
    half_width = auto.half_width(study)
    widths: list[float] = []
    missing = {}
    for arm in study.compared_arms:
        difference = estimate(differences_so_far(ablation, study, arm), until_narrow=True)
        if difference is not None:
            widths.append(difference.half_width)
        lacking = missing_seeds(ablation, study, arm, auto)
        if lacking:
            missing[arm.name] = lacking
    is_ratio = study.definition.metric is Metric.epochs
    widest = max(widths, default=None)
    return Precision(
        wanted=math.expm1(half_width) if is_ratio else half_width,
        reached=math.expm1(widest) if is_ratio and widest is not None else widest,
        seeds_wanted=_seeds_wanted(ablation, study, missing),
        minutes_wanted=_minutes(ablation, study, missing, parallel),
    )


def _seeds_wanted(ablation: Ablation, study: Study, missing: Mapping[str, int]) -> int | None:
    """The number of seeds of the arm that needs most; None if nothing is missing."""
    if not missing:
        return None
    return max(
        len(ablation.seeds(study, arm)) + missing[arm.name] * arm.nets_per_value
        for arm in study.compared_arms
        if arm.name in missing
    )


def _minutes(
    ablation: Ablation, study: Study, missing: Mapping[str, int], parallel: int
) -> float | None:
    """About how many minutes the missing seeds take here; None if none is missing."""
    if not missing:
        return None
    seconds = 0.0
    most = 0
    for arm in study.compared_arms:
        lacking = missing.get(arm.name, 0) * arm.nets_per_value
        most = max(most, lacking)
        if not arm.reuses_baseline_nets:
            seconds += lacking * _mean_seconds(ablation, study, arm)
    seconds += most * _mean_seconds(ablation, study, study.baseline)
    return seconds / 60 / parallel


def _mean_seconds(ablation: Ablation, study: Study, arm: Arm) -> float:
    """Mean seconds of an arm's trainings; estimated if none was trained here."""
    jobs = finished_jobs(ablation, study, arm).values()
    seconds = [
        float((job.run.result() or {}).get("seconds", 0)) for job in jobs if not job.recorded
    ]
    if seconds:
        return statistics.fmean(seconds)
    if not jobs:
        return 0.0
    spec = next(iter(jobs)).spec
    return seconds_per_epoch(spec) * spec.optim.epochs
