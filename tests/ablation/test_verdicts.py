"""What a comparison says about a claim."""

from dataclasses import replace

import pytest

from alexcli.ablation.verdicts import check_margins, claimed_sign, judge, margin_of
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
        check_margins("lrn", study)


def test_margins_of_claims_without_a_number_are_free() -> None:
    arms = {"without": ArmSpec(paper={Metric.top1_err: "higher"}), "other": ArmSpec()}
    check_margins("lrn", StudySpec(claim="section 3.3", margin=0.5, arms=arms))
