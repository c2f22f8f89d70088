"""Differences paired by seed, beside what is claimed."""

import math

import pytest
from scipy.stats import ttest_rel

from alexcli.ablation.compare import SeedValues, compare, paired_differences
from alexcli.records.study import Difference
from alexcli.schema import ArmSpec, Metric, StudySpec

BASE: SeedValues = {0: 0.10, 1: 0.12, 2: 0.11}
ARM: SeedValues = {0: 0.13, 1: 0.14, 2: 0.15}
ERRORS = StudySpec(claim="section 3.3")
EPOCHS = StudySpec(claim="Figure 1", metric=Metric.epochs)


def _errors(arm: SeedValues, baseline: SeedValues, **paper: object) -> Difference:
    claims = ArmSpec(paper={Metric[name]: value for name, value in paper.items()})
    return compare(arm, baseline, Metric.top1_err, claims, ERRORS)


def _epochs(arm: SeedValues, baseline: SeedValues) -> Difference:
    claims = ArmSpec(paper={Metric.epochs: 6})
    return compare(arm, baseline, Metric.epochs, claims, EPOCHS, epochs=17)


def test_a_difference_is_that_of_the_paired_t_test() -> None:
    difference = _errors(ARM, BASE, top1_err=0.014)
    expected = ttest_rel([0.13, 0.14, 0.15], [0.10, 0.12, 0.11])
    interval = expected.confidence_interval(0.95)
    assert difference.mean == pytest.approx(0.03)
    assert (difference.low, difference.high) == pytest.approx((interval.low, interval.high))
    assert difference.p_difference == pytest.approx(expected.pvalue)
    assert difference.by_seed == pytest.approx([0.03, 0.02, 0.04])
    assert (difference.seeds, difference.paper, difference.margin) == (3, 0.014, 0.007)


def test_the_correlation_says_whether_pairing_helped() -> None:
    together = _errors({0: 0.11, 1: 0.131, 2: 0.12}, BASE)
    assert together.correlation == pytest.approx(1.0, abs=0.01)
    assert together.pairing_gain is not None
    assert together.pairing_gain > 100
    apart = _errors({0: 0.15, 1: 0.13, 2: 0.14}, BASE)
    assert apart.correlation == pytest.approx(-1.0)
    assert apart.pairing_gain == pytest.approx(0.5)


def test_one_seed_and_equal_seeds_have_no_interval() -> None:
    single = _errors({0: 0.13}, BASE)
    assert (single.low, single.high, single.seeds) == (None, None, 1)
    assert single.reason == "one seed, no interval"
    alike = _errors({0: 0.2, 1: 0.3}, {0: 0.1, 1: 0.2})
    assert (alike.low, alike.reason) == (None, "all seeds alike, no interval")
    assert alike.mean == pytest.approx(0.1)


def test_nothing_measured_is_said() -> None:
    nothing = _errors({}, BASE)
    assert (nothing.mean, nothing.reason) == (None, "not measured")


def test_epochs_are_compared_as_a_ratio() -> None:
    difference = _epochs({0: 12.0, 1: 12.1}, {0: 2.0, 1: 2.0})
    assert difference.mean == pytest.approx((6 * 6.05) ** 0.5)
    assert difference.bound is None
    assert difference.margin == pytest.approx(math.sqrt(6)), "half of the effect, as a factor"


def test_an_arm_that_does_not_arrive_bounds_the_ratio_from_below() -> None:
    difference = _epochs({0: None, 1: 8.5}, {0: 2.0, 1: 4.0})
    assert difference.bound == "above"
    assert difference.mean == pytest.approx((17 / 2 * 8.5 / 4) ** 0.5)
    assert difference.reason == "threshold not reached in 17 epochs by 1 of 2"
    assert difference.p_equivalence is None, "a bound cannot show that there is no difference"


def test_a_baseline_that_does_not_arrive_bounds_it_from_above() -> None:
    difference = _epochs({0: 3.0, 1: 4.0}, {0: None, 1: 5.0})
    assert difference.bound == "below"
    assert difference.reason == "the baseline's threshold not reached in 17 epochs by 1 of 2"


def test_where_neither_arrives_nothing_is_known() -> None:
    difference = _epochs({0: None, 1: 4.0}, {0: 3.0, 1: None})
    assert (difference.mean, difference.bound) == (None, None)
    assert difference.reason == "seeds of both did not reach the threshold"


def test_seeds_that_one_side_lacks_are_left_out() -> None:
    pairs = paired_differences({0: 0.2, 1: 0.3, 2: None}, {0: 0.1, 2: 0.1}, Metric.top1_err)
    assert pairs == pytest.approx([0.1])


def test_the_notes_speak_where_the_paper_is_silent() -> None:
    claims = ArmSpec(notes={Metric.top1_err: 0.01})
    difference = compare(ARM, BASE, Metric.top1_err, claims, ERRORS)
    assert (difference.paper, difference.notes, difference.margin) == (None, 0.01, 0.005)
