"""What a comparison says about a claim."""

import math
from dataclasses import replace

import pytest

from alexcli.ablation.verdicts import (
    check_claims,
    claimed_sign,
    decided_by_ranks,
    judge,
    margin_of,
    seeds_above,
    two_test_p,
)
from alexcli.errors import UsageError
from alexcli.records.study import Difference
from alexcli.schema import ArmSpec, Metric, StudySpec

HIGHER = Difference(
    metric="top1_err",
    mean=0.02,
    low=0.01,
    high=0.03,
    seeds=5,
    paper=0.014,
    notes=None,
    verdict="undecided",
    margin=0.007,
    p_difference=0.004,
    p_equivalence=0.99,
)
LED_BY_ONE_SEED = replace(
    HIGHER,
    mean=0.071,
    low=-0.09,
    high=0.23,
    seeds=9,
    by_seed=[0.03, 0.02, 0.035, 0.015, 0.36, 0.025, 0.01, 0.04, 0.012],
    p_difference=0.19,
)
RATIO = replace(HIGHER, metric="epochs", mean=2.1, low=1.6, high=2.7, paper=6, margin=2.45)


def _verdict(difference: Difference) -> str:
    judge([difference])
    return difference.verdict


def test_a_difference_with_the_claimed_sign_agrees() -> None:
    assert _verdict(HIGHER) == "agrees"
    assert _verdict(replace(HIGHER, paper=None, notes=0.01)) == "agrees"
    assert _verdict(replace(HIGHER, paper="higher")) == "agrees"


def test_a_difference_with_the_other_sign_is_opposite() -> None:
    assert _verdict(replace(HIGHER, mean=-0.02)) == "opposite"
    assert _verdict(replace(HIGHER, paper="lower")) == "opposite"


def test_without_a_claim_the_direction_is_said() -> None:
    assert _verdict(replace(HIGHER, paper=None)) == "higher"
    assert _verdict(replace(HIGHER, paper=None, mean=-0.02)) == "lower"


def test_what_lies_within_the_margin_is_equivalent() -> None:
    small = replace(HIGHER, mean=0.001, p_difference=0.01, p_equivalence=0.01)
    assert _verdict(small) == "equivalent", "even where it is surely not zero"


def test_what_shows_neither_is_undecided() -> None:
    assert _verdict(replace(HIGHER, p_difference=0.2, p_equivalence=0.3)) == "undecided"
    unmeasured = replace(HIGHER, mean=None, p_difference=None, p_equivalence=None)
    assert _verdict(unmeasured) == "undecided"


def test_a_table_is_corrected_for_its_length() -> None:
    table = [replace(HIGHER), replace(HIGHER, p_difference=0.03), replace(HIGHER, p_difference=0.9)]
    judge(table)
    assert [difference.verdict for difference in table] == ["agrees", "undecided", "undecided"]
    alone = replace(HIGHER, p_difference=0.03)
    assert _verdict(alone) == "agrees"


def test_either_of_two_tests_decides_at_its_share_of_the_level() -> None:
    assert two_test_p(0.01, 0.4) == pytest.approx(0.01 / 0.8)
    assert two_test_p(0.4, 0.01) == pytest.approx(0.01 / 0.2)
    assert two_test_p(0.9, 0.7) == 1.0


def test_a_net_that_hardly_learned_does_not_hide_what_every_seed_shows() -> None:
    assert _verdict(LED_BY_ONE_SEED) == "agrees"
    assert LED_BY_ONE_SEED.p_ranks == 2 / 2**9
    assert decided_by_ranks(LED_BY_ONE_SEED)
    assert seeds_above(LED_BY_ONE_SEED) == 9
    assert not decided_by_ranks(replace(HIGHER, verdict="agrees")), "its interval says it too"


def test_ranks_decide_on_their_own_direction() -> None:
    below = [-each for each in LED_BY_ONE_SEED.by_seed[:4]] + [-0.025, -0.01, -0.012, 0.9]
    led_above = replace(LED_BY_ONE_SEED, by_seed=below, seeds=8, p_difference=0.4, paper=None)
    assert _verdict(led_above) == "undecided", "7 of 8 seeds, and the largest is the eighth"
    more = replace(led_above, by_seed=[*below, *below[:7]], seeds=15)
    assert _verdict(more) == "lower"


def test_ranks_of_ratios_are_those_of_their_logarithms() -> None:
    ratios = replace(RATIO, by_seed=[1.2, 1.5, 1 / 1.1, 1.3, 8.0, 1.25], p_difference=0.3)
    assert _verdict(ratios) == "undecided"
    assert ratios.p_ranks == 4 / 2**6
    assert seeds_above(ratios) == 5


def test_a_bound_decides_in_its_own_direction_only() -> None:
    assert _verdict(replace(RATIO, bound="above")) == "agrees", "more than 2.1 times"
    assert _verdict(replace(RATIO, bound="below")) == "undecided", "less than 2.1 may be below 1"
    assert _verdict(replace(RATIO, bound="below", mean=0.6)) == "opposite"


def test_a_ratio_below_one_is_a_claim_of_fewer_epochs() -> None:
    assert claimed_sign(0.5, None, no_difference=1.0) == -1
    assert claimed_sign(None, "higher", no_difference=1.0) == 1
    assert claimed_sign(None, None, no_difference=1.0) is None


def test_the_margin_is_half_of_the_effect_unless_the_file_says_otherwise() -> None:
    arm = ArmSpec(paper={Metric.top1_err: -0.02, Metric.top5_err: 0.01})
    study = StudySpec(claim="Table 2")
    assert margin_of(Metric.top1_err, arm, study) == 0.01
    assert margin_of(Metric.top1_err, arm, replace(study, margin=0.004)) == 0.004
    assert margin_of(Metric.top1_err, replace(arm, margin=0.003), replace(study, margin=1)) == 0.003
    assert margin_of(Metric.top5_err, arm, replace(study, margin=0.004)) == 0.005
    assert margin_of(Metric.top1_err, ArmSpec(paper={Metric.top1_err: "lower"}), study) is None


@pytest.mark.parametrize(("claim", "margin"), [(0.014, 0.014), (-0.02, 0.03)])
def test_a_margin_as_large_as_the_effect_is_refused(claim: float, margin: float) -> None:
    arms = {"without": ArmSpec(paper={Metric.top1_err: claim})}
    study = StudySpec(claim="section 3.3", margin=margin, arms=arms)
    with pytest.raises(UsageError, match="would count as none"):
        check_claims("lrn", study)


@pytest.mark.parametrize(
    ("metric", "claim", "allowed"),
    [
        (Metric.epochs, 0, "a ratio above 0"),
        (Metric.epochs, -6, "a ratio above 0"),
        (Metric.top1_err, "bigger", "a fraction from -1 to 1"),
        (Metric.top1_err, [1], "a fraction from -1 to 1"),
        (Metric.top1_err, True, "a fraction from -1 to 1"),
        (Metric.train_err, 1.4, "a fraction from -1 to 1"),
        (Metric.train_err, math.nan, "a fraction from -1 to 1"),
    ],
)
def test_a_claim_that_no_difference_can_agree_with_is_refused(
    metric: Metric, claim: object, allowed: str
) -> None:
    """In every metric, since tables show a margin for each."""
    for arm in (ArmSpec(paper={metric: claim}), ArmSpec(notes={metric: claim})):
        study = StudySpec(claim="section 3.3", arms={"without": arm})
        with pytest.raises(UsageError, match=f"{metric.name} of lrn is .* must be {allowed}"):
            check_claims("lrn", study)


def test_a_margin_that_no_ratio_lies_within_is_refused() -> None:
    of_study = StudySpec(claim="Figure 1", metric=Metric.epochs, margin=0.1)
    of_arm = StudySpec(claim="Figure 1", metric=Metric.epochs, arms={"tanh": ArmSpec(margin=1.0)})
    with pytest.raises(UsageError, match=r"margin of relu is 0\.1, but .* above 1"):
        check_claims("relu", of_study)
    with pytest.raises(UsageError, match=r"margin of tanh of relu is 1, but"):
        check_claims("relu", of_arm)


def test_margins_of_claims_without_a_number_are_free() -> None:
    arms = {"without": ArmSpec(paper={Metric.top1_err: "higher"}), "other": ArmSpec()}
    check_claims("lrn", StudySpec(claim="section 3.3", margin=0.5, arms=arms))
