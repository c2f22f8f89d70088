"""Differences paired by seed."""

from dataclasses import replace

import pytest
from scipy.stats import ttest_rel

from alexcli.ablation.statistics import compare
from alexcli.schema import ArmSpec, Metric

BASE: dict[int, float | None] = {0: 0.10, 1: 0.12, 2: 0.11}
ARM: dict[int, float | None] = {0: 0.13, 1: 0.14, 2: 0.15}


def _claims(**paper: object) -> ArmSpec:
    return ArmSpec(paper={Metric[name]: value for name, value in paper.items()})


def test_a_difference_is_that_of_the_paired_t_test() -> None:
    difference = compare(ARM, BASE, Metric.top1_err, _claims(top1_err=0.014))
    expected = ttest_rel([0.13, 0.14, 0.15], [0.10, 0.12, 0.11]).confidence_interval(0.95)
    assert difference.mean == pytest.approx(0.03)
    assert (difference.low, difference.high) == pytest.approx((expected.low, expected.high))
    assert (difference.seeds, difference.paper, difference.verdict) == (3, 0.014, "sign agrees")


def test_an_interval_with_zero_is_a_null_result() -> None:
    arm: dict[int, float | None] = {0: 0.11, 1: 0.11, 2: 0.12}
    assert compare(arm, BASE, Metric.top1_err, _claims()).verdict == "null: includes zero"


def test_a_sign_against_the_claim_is_said() -> None:
    assert compare(ARM, BASE, Metric.top1_err, _claims(top1_err=-0.1)).verdict == "opposite sign"
    assert compare(ARM, BASE, Metric.top1_err, _claims(top1_err="lower")).verdict == "opposite sign"


def test_one_seed_has_no_interval() -> None:
    difference = compare({0: 0.13}, BASE, Metric.top1_err, _claims(top1_err="higher"))
    assert (difference.low, difference.high, difference.seeds) == (None, None, 1)
    assert difference.verdict == "sign agrees; one seed, no interval"


def test_epochs_are_compared_as_a_ratio() -> None:
    difference = compare({0: 12.0, 1: 24.2}, {0: 2.0, 1: 4.0}, Metric.epochs, _claims(epochs=6))
    assert difference.mean == pytest.approx((6 * 6.05) ** 0.5)
    assert difference.verdict == "sign agrees"


def test_an_arm_that_does_not_arrive_has_no_ratio() -> None:
    difference = compare({0: None, 1: 8.0}, {0: 2.0, 1: 4.0}, Metric.epochs, _claims(epochs=6))
    assert (difference.mean, difference.verdict) == (None, "not reached by 1 of 2")


def test_equal_differences_and_ensembles_have_no_interval() -> None:
    alike = compare({0: 0.2, 1: 0.3}, {0: 0.1, 1: 0.2}, Metric.top1_err, _claims(top1_err=0.1))
    assert alike.verdict == "sign agrees; all seeds alike, no interval"
    averaged = replace(_claims(top1_err=-0.1), ensemble=True)
    ensemble = compare({0: 0.1}, {0: 0.1, 1: 0.3}, Metric.top1_err, averaged, nets=5)
    assert ensemble.mean == pytest.approx(-0.1), "the mean of the nets is what it is compared with"
    assert (ensemble.seeds, ensemble.verdict) == (5, "sign agrees; mean of 5 nets, no interval")


def test_a_difference_without_a_claim_says_its_direction() -> None:
    assert compare(ARM, BASE, Metric.top1_err, _claims()).verdict == "higher"
    assert compare(BASE, ARM, Metric.top1_err, _claims()).verdict == "lower"
    nothing = compare({}, BASE, Metric.top1_err, _claims())
    assert (nothing.mean, nothing.verdict) == (None, "not measured")


def test_the_notes_speak_where_the_paper_is_silent() -> None:
    definition = ArmSpec(notes={Metric.top1_err: 0.01})
    difference = compare(ARM, BASE, Metric.top1_err, definition)
    assert (difference.paper, difference.notes, difference.verdict) == (None, 0.01, "sign agrees")
