"""What the finished runs of studies show."""

import shlex
from collections.abc import Mapping, Sequence

import numpy as np

from alexcli.ablation.plan import Ablation
from alexcli.ablation.statistics import SeedValues, compare
from alexcli.ablation.study import BASELINE, Arm, Study
from alexcli.analysis.curves import crossing
from alexcli.config.files import STUDIES, describe
from alexcli.data.dataset import Dataset
from alexcli.errors import plural
from alexcli.records.study import ArmResult, StudyResult
from alexcli.reporter import Reporter
from alexcli.run.directory import RunDirectory
from alexcli.run.evaluate import evaluate
from alexcli.schema import ArmSpec, Metric, TrainSpec

Values = dict[Metric, float | None]
"""What one run reached; None for an error that was not measured or a threshold not reached."""


def study_results(ablation: Ablation, reporter: Reporter) -> list[StudyResult]:
    """What the finished runs of each study show.

    Args:
        ablation: the studies.
        reporter: receives progress updates of evaluations.
    """
    return [_study_result(ablation, study, reporter) for study in ablation.studies]


def _study_result(ablation: Ablation, study: Study, reporter: Reporter) -> StudyResult:
    spec, dataset = ablation.with_data(study.baseline.spec)
    metrics = _metrics(study, classes=len(dataset.classes))
    arms: list[ArmResult] = []
    baseline: dict[Metric, SeedValues] = {}
    missing = 0
    for arm in study.arms:
        runs = _finished_runs(ablation, study, arm)
        if arm.reuses_baseline_nets:
            values = _evaluated(arm.definition, runs, reporter)
        else:
            values = {
                seed: _measured(run, study.definition.threshold) for seed, run in runs.items()
            }
            missing += len(ablation.seeds) - len(runs)
        columns = {
            metric: {seed: reached[metric] for seed, reached in values.items()}
            for metric in metrics
        }
        if arm.name == BASELINE:
            baseline = columns
        arms.append(_arm_result(arm, columns, baseline, list(runs.values())))
    return StudyResult(
        name=study.name,
        about=describe(STUDIES, study.name),
        claim=study.definition.claim,
        metric=study.definition.metric.name,
        threshold=study.definition.threshold if study.definition.metric is Metric.epochs else None,
        setting=_setting(spec, dataset),
        n=len(dataset.val),
        arms=arms,
        missing=missing,
    )


def _metrics(study: Study, classes: int) -> list[Metric]:
    """The validation errors, and what the study compares besides, each once."""
    metrics = [Metric.top1_err]
    if classes > 5:
        metrics.append(Metric.top5_err)
    if study.definition.metric not in metrics:
        metrics.append(study.definition.metric)
    return metrics


def _finished_runs(ablation: Ablation, study: Study, arm: Arm) -> dict[int, RunDirectory]:
    """The finished runs behind an arm, by seed."""
    runs = {}
    for seed in ablation.seeds:
        job = ablation.job(study, arm, seed)
        if job is not None and job.finished:
            runs[seed] = job.run
    return runs


def _arm_result(
    arm: Arm,
    columns: Mapping[Metric, SeedValues],
    baseline: Mapping[Metric, SeedValues],
    runs: Sequence[RunDirectory],
) -> ArmResult:
    """An arm's values, and how it differs from the baseline."""
    differences = []
    if arm.name != BASELINE:
        differences = [
            compare(column, baseline[metric], metric, arm.definition, len(runs))
            for metric, column in columns.items()
        ]
    return ArmResult(
        name=arm.name,
        changes=arm.differences,
        command=_command(arm),
        values={metric.name: column for metric, column in columns.items()},
        differences=differences,
        runs=[str(run.path) for run in runs],
    )


def _setting(spec: TrainSpec, dataset: Dataset) -> str:
    """Model and data in a line."""
    return (
        f"{spec.model.name}, {plural(len(dataset.train), 'image')} of "
        f"{plural(len(dataset.classes), 'class')} ({spec.data.source.name}), "
        f"{plural(spec.optim.epochs, 'epoch')}"
    )


def _command(arm: Arm) -> str:
    """What repeats an arm, for a shell; RUN stands for what has to be trained first."""
    if arm.definition.ensemble:
        return "alexcli eval RUN ..."
    if arm.reuses_baseline_nets:
        return "alexcli eval --ten-crop RUN"
    source = ["init_from=RUN"] if arm.source else []
    return shlex.join(["alexcli", "train", *arm.overrides, *source])


def _evaluated(
    definition: ArmSpec, runs: Mapping[int, RunDirectory], reporter: Reporter
) -> dict[int, Values]:
    """Errors of the baseline's nets under the arm's protocol; of an ensemble, as if of seed 0."""
    nets_by_seed = {seed: [(run, run.last)] for seed, run in runs.items()}
    if definition.ensemble:
        every_net = [(run, run.last) for run in runs.values()]
        nets_by_seed = {0: every_net} if len(every_net) > 1 else {}
    protocols = ["ten" if definition.views == 10 else "center"]
    values: dict[int, Values] = {}
    for seed, nets in nets_by_seed.items():
        row = evaluate(nets, reporter, split="val", protocols=protocols).results[-1]
        values[seed] = {Metric.top1_err: row.top1_err, Metric.top5_err: row.top5_err}
    return values


def _measured(run: RunDirectory, threshold: float) -> Values:
    """What a finished run reached, from its result and metrics.jsonl.

    Args:
        run: a finished run.
        threshold: the training error whose crossing counts the epochs.
    """
    result = run.result() or {}
    last = result["last"]["val"]
    rows = [row for row in run.rows() if row["split"] == "train"]
    # A net that has not learned anything yet is wrong about all classes but one.
    epochs = np.array([0, *(row["epoch"] for row in rows)])
    errors = np.array([1 - 1 / result["classes"], *(row["top1_err"] for row in rows)])
    crossed = None if errors[0] <= threshold else crossing(epochs, errors, threshold)
    return {
        Metric.top1_err: last["top1_err"],
        Metric.top5_err: last["top5_err"],
        Metric.train_err: float(errors[-1]),
        Metric.epochs: crossed,
    }
