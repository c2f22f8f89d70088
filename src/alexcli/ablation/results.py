"""The results of studies, from their finished runs."""

import shlex
from collections.abc import Mapping

from alexcli.ablation.compare import SeedValues, compare
from alexcli.ablation.plan import Ablation, compared_metrics
from alexcli.ablation.precision import AutoSeeds, reached_precision
from alexcli.ablation.reuse import RecordedRun, Values
from alexcli.ablation.study import Arm, Study
from alexcli.ablation.values import arm_values, baseline_values, column_of, finished_jobs
from alexcli.ablation.verdicts import NO_VERDICT, judge_table
from alexcli.config.files import STUDIES, describe
from alexcli.data.dataset import Dataset
from alexcli.errors import plural
from alexcli.records.study import ArmResult, Difference, StudyResult
from alexcli.reporter import Reporter
from alexcli.run.directory import run_label
from alexcli.run.final_test import measured_images, measured_split
from alexcli.run.resolve import uses_bf16
from alexcli.schema import Metric, TrainSpec

LEAST_LEARNED = 0.95
"""A net whose error is at least this share of chance level has not learned."""


def study_results(
    ablation: Ablation, reporter: Reporter, auto: AutoSeeds | None = None, parallel: int = 1
) -> list[StudyResult]:
    """The results of each study's finished runs, with verdicts corrected for all comparisons.

    Args:
        ablation: the studies.
        reporter: receives progress updates of evaluations.
        auto: the precision that automatic seeds aimed at; None if their number was given.
        parallel: trainings at a time, for estimates.
    """
    results = []
    for study in ablation.studies:
        result = _study_result(ablation, study, reporter)
        if auto is not None:
            result.precision = reached_precision(ablation, study, auto, parallel)
        results.append(result)
    judge_table(results)
    return results


def _study_result(ablation: Ablation, study: Study, reporter: Reporter) -> StudyResult:
    spec, dataset = ablation.with_data(study.baseline.spec)
    classes = len(dataset.classes)
    metrics = compared_metrics(study, classes)
    arms: list[ArmResult] = []
    reused: list[RecordedRun] = []
    missing = 0
    for arm in study.arms:
        jobs = finished_jobs(ablation, study, arm)
        values = arm_values(ablation, study, arm, reporter)
        if not arm.reuses_baseline_nets:
            missing += max(0, ablation.promised_seeds(study, arm) - len(jobs))
        reused += [job.recorded for job in jobs.values() if job.recorded]
        columns = {metric: column_of(values, metric) for metric in metrics}
        differences: list[Difference] = []
        if arm is not study.baseline:
            baseline = baseline_values(ablation, study, arm, reporter)
            differences = _differences(study, arm, columns, baseline, until_narrow=ablation.auto)
        arms.append(
            ArmResult(
                name=arm.name,
                changes=arm.differences,
                command=_command(arm),
                values={metric.name: dict(column) for metric, column in columns.items()},
                differences=differences,
                runs=[str(job.run.path) for job in jobs.values()],
                not_learned=_not_learned(columns[Metric.top1_err], classes),
            )
        )
    metric = study.definition.metric
    mechanism = study.definition.mechanism
    return StudyResult(
        name=study.name,
        about=describe(STUDIES, study.name),
        claim=study.definition.claim,
        metric=metric.name,
        threshold=study.definition.threshold if metric is Metric.epochs else None,
        setting=_setting(spec, dataset),
        n=len(measured_images(dataset)),
        arms=arms,
        missing=missing,
        split=measured_split(dataset),
        kind=study.kind,
        label=run_label(spec),
        mechanism=mechanism.why if mechanism and study.kind == "mechanism" else "",
        reused=ablation.recorded.sources(reused),
    )


def _differences(
    study: Study,
    arm: Arm,
    columns: Mapping[Metric, SeedValues],
    baseline: Mapping[int, Values],
    *,
    until_narrow: bool,
) -> list[Difference]:
    """An arm against the baseline in every metric; the study's own has no verdict yet."""
    differences = []
    for metric, column in columns.items():
        difference = compare(
            column,
            column_of(baseline, metric),
            metric,
            arm.definition,
            study.definition,
            until_narrow=until_narrow,
            epochs=study.baseline.spec.optim.epochs,
        )
        if metric is not study.definition.metric:
            difference.verdict = NO_VERDICT
        differences.append(difference)
    return differences


def _not_learned(errors: SeedValues, classes: int) -> list[int]:
    """The seeds whose net is hardly better than chance level."""
    limit = LEAST_LEARNED * (1 - 1 / classes)
    return [seed for seed, error in errors.items() if error is not None and error >= limit]


def _setting(spec: TrainSpec, dataset: Dataset) -> str:
    """Model, data and arithmetic in one line; the arithmetic is float32 unless named."""
    text = (
        f"{spec.model.name}, {plural(len(dataset.train), 'image')} of "
        f"{plural(len(dataset.classes), 'class')} ({spec.data.source.name}), "
        f"{plural(spec.optim.epochs, 'epoch')}"
    )
    return f"{text}, bf16" if uses_bf16(spec) else text


def _command(arm: Arm) -> str:
    """The shell command that repeats an arm; RUN stands for a run that has to be trained first."""
    if arm.definition.ensemble:
        return "alexcli eval RUN ..."
    if arm.reuses_baseline_nets:
        return "alexcli eval --ten-crop RUN"
    source = ["init_from=RUN"] if arm.source else []
    return shlex.join(["alexcli", "train", *arm.overrides, *source])
