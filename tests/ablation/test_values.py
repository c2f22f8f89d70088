"""What the runs of a study reached."""

import json

import pytest

from alexcli.ablation.plan import Ablation
from alexcli.ablation.values import arm_values, baseline_values, column_of, finished_jobs, groups_of
from alexcli.schema import Metric
from tests.ablation.finished import finish
from tests.conftest import SMALL


def _finished(*names: str, seeds: int) -> Ablation:
    ablation = Ablation(names, SMALL, seeds)
    for job in ablation.jobs():
        finish(job, 0.1 + 0.01 * job.spec.seed)
    return ablation


def test_values_are_by_seed_and_metric() -> None:
    ablation = _finished("lrn", seeds=2)
    (study,) = ablation.studies
    values = arm_values(ablation, study, study.arms[1])
    assert column_of(values, Metric.top1_err) == {0: 0.1, 1: pytest.approx(0.11)}
    assert column_of(values, Metric.train_err)[0] == pytest.approx(0.1)
    assert len(finished_jobs(ablation, study, study.arms[1])) == 2


def test_a_threshold_that_is_not_reached_has_no_epoch() -> None:
    ablation = Ablation(["bias_init"], SMALL, 1)
    for job in ablation.jobs():
        finish(job, 0.1 if job.name.endswith("baseline") else 0.8)
    (study,) = ablation.studies
    baseline, zero = (arm_values(ablation, study, arm) for arm in study.arms)
    assert baseline[0][Metric.epochs] == pytest.approx(1.0), "0.9, 0.5, 0.1 after 0, 1, 2 epochs"
    assert zero[0][Metric.epochs] is None


def test_a_pass_of_its_own_says_when_the_training_error_is_reached() -> None:
    """The running mean over an epoch lags behind the net's error at its end."""
    ablation = _finished("bias_init", seeds=1)
    (study,) = ablation.studies
    for job in ablation.jobs():
        clean = [{"split": "train_eval", "epoch": 1, "step": 1, "top1_err": 0.1}]
        lines = job.run.metrics.read_text() + "".join(json.dumps(row) + "\n" for row in clean)
        job.run.metrics.write_text(lines)
    values = arm_values(ablation, study, study.baseline)
    assert values[0][Metric.epochs] == pytest.approx(0.5), "0.9, 0.1 after 0, 1 epochs"
    assert values[0][Metric.train_err] == pytest.approx(0.1)


def test_groups_leave_out_what_fills_none() -> None:
    assert groups_of([0, 1, 2, 3, 4], 2) == [[0, 1], [2, 3]]
    assert groups_of([0], 2) == []


def test_an_ensembles_baseline_is_the_mean_of_each_group() -> None:
    ablation = _finished("ensemble", seeds=1)
    (study,) = ablation.studies
    values = baseline_values(ablation, study, study.arms[1])
    assert column_of(values, Metric.top1_err) == {0: pytest.approx(0.12)}
