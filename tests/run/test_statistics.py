"""Differences paired by seed."""

from dataclasses import replace

import pytest
from scipy.stats import ttest_rel

from alexcli.run.ablate import compare
from alexcli.schema import ArmSpec, Metric

BASE: dict[int, float | None] = {0: 0.10, 1: 0.12, 2: 0.11}
ARM: dict[int, float | None] = {0: 0.13, 1: 0.14, 2: 0.15}


def _claims(**paper: object) -> ArmSpec:
    return ArmSpec(paper={Metric[name]: value for name, value in paper.items()})


def test_a_difference_is_that_of_the_paired_t_test() -> None:
    found = compare(ARM, BASE, Metric.top1_err, _claims(top1_err=0.014))
    expected = ttest_rel([0.13, 0.14, 0.15], [0.10, 0.12, 0.11]).confidence_interval(0.95)
    assert found.mean == pytest.approx(0.03)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    assert (found.seeds, found.paper, found.verdict) == (3, 0.014, "sign agrees")


def test_an_interval_with_zero_is_a_null_result() -> None:
    arm: dict[int, float | None] = {0: 0.11, 1: 0.11, 2: 0.12}
    assert compare(arm, BASE, Metric.top1_err, _claims()).verdict == "null: includes zero"


def test_a_sign_against_the_claim_is_said() -> None:
    assert compare(ARM, BASE, Metric.top1_err, _claims(top1_err=-0.1)).verdict == "opposite sign"
    assert compare(ARM, BASE, Metric.top1_err, _claims(top1_err="lower")).verdict == "opposite sign"


def test_one_seed_has_no_interval() -> None:
    found = compare({0: 0.13}, BASE, Metric.top1_err, _claims(top1_err="higher"))
    assert (found.low, found.high, found.seeds) == (None, None, 1)
    assert found.verdict == "sign agrees; one seed, no interval"


def test_epochs_are_compared_as_a_ratio() -> None:
    found = compare({0: 12.0, 1: 24.2}, {0: 2.0, 1: 4.0}, Metric.epochs, _claims(epochs=6))
    assert found.mean == pytest.approx((6 * 6.05) ** 0.5)
    assert found.verdict == "sign agrees"


def test_an_arm_that_does_not_arrive_has_no_ratio() -> None:
    found = compare({0: None, 1: 8.0}, {0: 2.0, 1: 4.0}, Metric.epochs, _claims(epochs=6))
    assert (found.mean, found.verdict) == (None, "not reached by 1 of 2")


def test_equal_differences_and_ensembles_have_no_interval() -> None:
    alike = compare({0: 0.2, 1: 0.3}, {0: 0.1, 1: 0.2}, Metric.top1_err, _claims(top1_err=0.1))
    assert alike.verdict == "sign agrees; all seeds alike, no interval"
    averaged = replace(_claims(top1_err=-0.1), ensemble=True)
    one = compare({0: 0.1}, {0: 0.1, 1: 0.3}, Metric.top1_err, averaged, nets=5)
    assert one.mean == pytest.approx(-0.1), "the mean of the nets is what it is compared with"
    assert (one.seeds, one.verdict) == (5, "sign agrees; mean of 5 nets, no interval")
