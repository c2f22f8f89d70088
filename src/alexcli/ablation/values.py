"""The results of a study's runs, by seed."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from alexcli.ablation.compare import SeedValues
from alexcli.ablation.jobs import Job
from alexcli.ablation.plan import Ablation
from alexcli.ablation.reuse import Values
from alexcli.ablation.study import Arm, Study
from alexcli.analysis.curves import crossing
from alexcli.reporter import NullReporter, Reporter
from alexcli.run.directory import RunDirectory
from alexcli.run.evaluate import evaluate
from alexcli.run.final_test import measure_test, measured_images, measured_split
from alexcli.schema import Metric, Source


@dataclass(frozen=True)
class HeldOut:
    """The images that a study measures errors on."""

    split: str
    """`test` or `val`."""
    n: int
    """Number of images."""
    overrides: tuple[str, ...]
    """What sets their number, which may be another in the configuration of a run."""


def finished_jobs(ablation: Ablation, study: Study, arm: Arm) -> dict[int, Job]:
    """The finished trainings of an arm, by seed."""
    jobs = {}
    for seed in ablation.seeds(study, arm):
        job = ablation.job(study, arm, seed)
        if job is not None and job.finished:
            jobs[seed] = job
    return jobs


def arm_values(
    ablation: Ablation, study: Study, arm: Arm, reporter: Reporter | None = None
) -> dict[int, Values]:
    """The results of an arm's finished runs, by seed or, for an ensemble, by number of the group.

    Args:
        ablation: the studies.
        study: one of them.
        arm: of the study.
        reporter: receives progress updates of evaluations.
    """
    reporter = reporter or NullReporter()
    jobs = finished_jobs(ablation, study, arm)
    held_out = _held_out(ablation, arm)
    if not arm.reuses_baseline_nets:
        threshold = study.definition.threshold
        return {
            seed: job.recorded.values
            if job.recorded
            else _measured(ablation, job.run, threshold, held_out, reporter)
            for seed, job in jobs.items()
        }
    groups: Mapping[int, Sequence[int]] = {seed: [seed] for seed in jobs}
    if arm.definition.ensemble:
        groups = dict(enumerate(groups_of(list(jobs), arm.definition.ensemble)))
    protocol = "ten" if arm.definition.views == 10 else "center"
    values: dict[int, Values] = {}
    for key, seeds in groups.items():
        runs = [jobs[seed].run for seed in seeds]
        values[key] = _evaluated_once(ablation, runs, protocol, held_out, reporter)
    return values


def _held_out(ablation: Ablation, arm: Arm) -> HeldOut:
    """The images that the nets of an arm are evaluated on."""
    spec, dataset = ablation.with_data(arm.spec)
    is_drawn = spec.data.source is Source.synthetic
    return HeldOut(
        split=measured_split(dataset),
        n=len(measured_images(dataset)),
        overrides=(f"data.test_count={spec.data.test_count}",) if is_drawn else (),
    )


def baseline_values(
    ablation: Ablation, study: Study, arm: Arm, reporter: Reporter | None = None
) -> dict[int, Values]:
    """The baseline's values to compare an arm with: group means for an ensemble."""
    values = arm_values(ablation, study, study.baseline, reporter)
    size = arm.definition.ensemble
    if not size:
        return values
    groups = groups_of(list(values), size)
    return {number: _means([values[seed] for seed in seeds]) for number, seeds in enumerate(groups)}


def column_of(values: Mapping[int, Values], metric: Metric) -> SeedValues:
    """One metric by seed; None if it was not measured."""
    return {seed: row.get(metric) for seed, row in values.items()}


def groups_of(seeds: Sequence[int], size: int) -> list[Sequence[int]]:
    """Divide seeds into groups of a size, in order; an incomplete last group is left out."""
    return [seeds[first : first + size] for first in range(0, len(seeds) - size + 1, size)]


def _means(rows: Sequence[Values]) -> Values:
    """The mean of each metric over nets; None unless all have it."""
    means: Values = {}
    for metric in rows[0]:
        present = [value for row in rows if (value := row[metric]) is not None]
        means[metric] = statistics.fmean(present) if len(present) == len(rows) else None
    return means


def _evaluated_once(
    ablation: Ablation,
    runs: Sequence[RunDirectory],
    protocol: str,
    held_out: HeldOut,
    reporter: Reporter,
) -> Values:
    """What `_evaluated` returns, from the first time that it was asked."""
    identity = (*(run.path for run in runs), held_out, protocol)
    if identity not in ablation.evaluations:
        ablation.evaluations[identity] = _evaluated(runs, protocol, held_out, reporter)
    return ablation.evaluations[identity]


def _evaluated(
    runs: Sequence[RunDirectory], protocol: str, held_out: HeldOut, reporter: Reporter
) -> Values:
    """Errors of a net under a protocol, or of the averaged outputs of several."""
    nets = [(run, run.last) for run in runs]
    evaluation = evaluate(nets, reporter, held_out.split, [protocol], held_out.overrides)
    row = evaluation.results[-1]
    return {Metric.top1_err: row.top1_err, Metric.top5_err: row.top5_err}


def _training_rows(run: RunDirectory) -> list[dict[str, Any]]:
    """The training errors of a run, from separate evaluation passes if it made any (Figure 1).

    Otherwise the running means over the epochs, which lag behind and include dropout.
    """
    clean = [row for row in run.rows() if row["split"] == "train_eval"]
    return clean or [row for row in run.rows() if row["split"] == "train"]


def _errors(ablation: Ablation, run: RunDirectory, held_out: HeldOut, reporter: Reporter) -> Values:
    """The errors of a run, from its result if it has measured them on the images of the study."""
    result = run.result() or {}
    row = result["last"]["val"]
    if held_out.split == "test":
        row = result.get("test") or run.add_to_result("test", measure_test(run, reporter))
        if held_out.overrides and row["n"] != held_out.n:
            return _evaluated_once(ablation, [run], "center", held_out, reporter)
    return {Metric.top1_err: row["top1_err"], Metric.top5_err: row.get("top5_err")}


def _measured(
    ablation: Ablation, run: RunDirectory, threshold: float, held_out: HeldOut, reporter: Reporter
) -> Values:
    """Read the results of a finished run from its result and metrics.jsonl.

    Args:
        ablation: remembers evaluations.
        run: a finished run.
        threshold: the training error up to which epochs are counted.
        held_out: whose error is meant; it is evaluated now if the run has not done so.
        reporter: receives progress updates of an evaluation.
    """
    result = run.result() or {}
    rows = _training_rows(run)
    # Before training, the error is at chance level.
    epochs = np.array([0, *(row["epoch"] for row in rows)])
    errors = np.array([1 - 1 / result["classes"], *(row["top1_err"] for row in rows)])
    crossed = None if errors[0] <= threshold else crossing(epochs, errors, threshold)
    return {
        **_errors(ablation, run, held_out, reporter),
        Metric.train_err: float(errors[-1]),
        Metric.epochs: crossed,
    }
