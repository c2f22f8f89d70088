"""The verdict of a comparison on a claim: agrees, opposite, equivalent or undecided."""

import math
from collections.abc import Sequence
from typing import Any

from alexcli.ablation.estimate import CONFIDENCE, holm
from alexcli.ablation.median import Median, median_of
from alexcli.ablation.ranks import signed_ranks
from alexcli.errors import UsageError
from alexcli.records.study import Difference, StudyResult
from alexcli.schema import ArmSpec, Metric, StudySpec

SIGNS = {"higher": 1, "lower": -1}
"""Claims without a number."""

SIGNIFICANCE = 1 - CONFIDENCE

SHARE_OF_RANKS = 0.2
"""Share of the significance level for signed ranks: the mean, which tables show, gets the rest."""

EQUIVALENT = "equivalent"
NO_VERDICT = "-"
"""Verdict on a metric other than the study's own."""
MEDIAN_APART = 0.01
"""A fraction: if mean and median are further apart, a few seeds dominate the mean."""


def margin_of(metric: Metric, definition: ArmSpec, study: StudySpec) -> float | None:
    """The margin within which a difference counts as none; None if none is defined.

    Args:
        metric: only the study's own metric has a margin in its file.
        definition: the arm.
        study: its study.

    Returns:
        A fraction, or a factor above 1 for `epochs`: the margin in the file, or else half of the
        claimed effect.
    """
    stated = study.margin if definition.margin is None else definition.margin
    if stated is not None and metric is study.metric:
        return stated
    claim = _claim(definition.paper.get(metric), definition.notes.get(metric))
    if claim is None or claim in SIGNS:
        return None
    if metric is Metric.epochs:
        return math.exp(abs(math.log(claim)) / 2)
    return abs(float(claim)) / 2


def check_claims(name: str, study: StudySpec) -> None:
    """Check claims and margins, and that every margin is smaller than the claimed effect.

    Args:
        name: of the study.
        study: its file.

    Raises:
        UsageError: a claim that is neither a possible difference nor a direction, a ratio's margin
            of 1 or less, or a margin as large as a claimed effect.
    """
    _check_ratio_margin(f"margin of {name}", study.margin, study.metric)
    for arm, definition in study.arms.items():
        _check_ratio_margin(f"margin of {arm} of {name}", definition.margin, study.metric)
        for source, claims in (("paper", definition.paper), ("notes", definition.notes)):
            for metric, claim in claims.items():
                _check_claim(f"arms.{arm}.{source}.{metric.name} of {name}", claim, metric)
        claim = _claim(definition.paper.get(study.metric), definition.notes.get(study.metric))
        margin = margin_of(study.metric, definition, study)
        if claim is None or claim in SIGNS or margin is None:
            continue
        effect = max(claim, 1 / claim) if study.metric is Metric.epochs else abs(claim)
        if margin >= effect:
            raise UsageError(
                f"{arm} of {name} has a margin of {margin:g}, and the claimed effect is "
                f"{effect:g}: the effect itself would count as none",
                hint=f"a margin below {effect:g}; without one it is half of the effect",
            )


def _check_ratio_margin(place: str, margin: float | None, metric: Metric) -> None:
    """Raise UsageError for a margin within which no ratio of epochs lies."""
    if metric is Metric.epochs and margin is not None and margin <= 1:
        raise UsageError(
            f"the {place} is {margin:g}, but epochs are compared as a ratio: it must be above 1",
            hint="margin: 1.1 counts up to a tenth more or fewer epochs as no difference",
        )


def _check_claim(place: str, claim: Any, metric: Metric) -> None:
    """Raise UsageError for a claim that is no direction and no difference in the metric."""
    if claim is None or (isinstance(claim, str) and claim in SIGNS):
        return
    is_ratio = metric is Metric.epochs
    if type(claim) in (int, float) and (0 < claim < math.inf if is_ratio else -1 <= claim <= 1):
        return
    allowed = "a ratio above 0" if is_ratio else "a fraction from -1 to 1"
    raise UsageError(
        f"{place} is {claim}, which must be {allowed}, higher or lower",
        hint=f"{metric.name}: {2 if is_ratio else 0.014}, or {metric.name}: higher",
    )


def judge_table(studies: Sequence[StudyResult]) -> None:
    """Set the verdicts of studies in one table, and the number of comparisons corrected for.

    Args:
        studies: their differences in the study's own metric get a verdict.
    """
    compared = [
        difference
        for study in studies
        for arm in study.arms
        for difference in arm.differences
        if difference.metric == study.metric
    ]
    judge(compared)
    for study in studies:
        study.compared = len(compared)


def judge(differences: Sequence[Difference]) -> None:
    """Set the verdicts of a table, corrected for the number of its comparisons.

    The p-values of the tests for a difference (see `two_test_p`) are corrected together by Holm's
    method, and so are those of the tests for equivalence.

    Args:
        differences: in the studies' own metrics; their verdicts are filled in.
    """
    for difference in differences:
        difference.p_ranks = signed_ranks(_around_zero(difference)).p_value
    of_difference = _corrected([_p_of_difference(difference) for difference in differences])
    of_equivalence = _corrected([difference.p_equivalence for difference in differences])
    for difference, p_difference, p_equivalence in zip(
        differences, of_difference, of_equivalence, strict=True
    ):
        difference.verdict = _verdict(difference, p_difference, p_equivalence)


def two_test_p(of_mean: float, of_ranks: float) -> float:
    """Combine the p-values of two tests of the same differences.

    Student's t detects a small difference that every seed shows; signed ranks detect one whose mean
    a few seeds dominate. Each has its share of the significance level (Bonferroni).

    Args:
        of_mean: Student's t.
        of_ranks: Wilcoxon's signed ranks.
    """
    return min(1.0, of_mean / (1 - SHARE_OF_RANKS), of_ranks / SHARE_OF_RANKS)


def decided_by_ranks(difference: Difference) -> bool:
    """Whether a verdict states a difference although the mean's interval contains none.

    Args:
        difference: with its verdict.
    """
    if difference.verdict in ("undecided", EQUIVALENT, NO_VERDICT):
        return False
    if difference.low is None or difference.high is None:
        return False
    return difference.low <= neutral_value(difference.metric) <= difference.high


def seeds_above(difference: Difference) -> int:
    """The number of seeds in which the arm was above its baseline."""
    return sum(value > neutral_value(difference.metric) for value in difference.by_seed)


def median_beside_mean(difference: Difference) -> Median | None:
    """The median over seeds if it is far from the mean, which a few seeds then dominate.

    Args:
        difference: of errors; None is returned for a ratio, whose mean is geometric.
    """
    is_ratio = difference.metric == Metric.epochs.name
    if difference.mean is None or is_ratio or not difference.by_seed:
        return None
    median = median_of(difference.by_seed)
    return median if abs(median.value - difference.mean) > MEDIAN_APART else None


def neutral_value(metric: str) -> float:
    """The value that means no difference: 0 points, or a ratio of 1."""
    return 1.0 if metric == Metric.epochs.name else 0.0


def _around_zero(difference: Difference) -> list[float]:
    """The differences of the seeds; logarithms of ratios."""
    if difference.metric == Metric.epochs.name:
        return [math.log(value) for value in difference.by_seed]
    return difference.by_seed


def _direction(difference: Difference) -> int:
    """1 if the deciding test finds the arm above the baseline, -1 if below."""
    ranks = signed_ranks(_around_zero(difference))
    p_mean = 1.0 if difference.p_difference is None else difference.p_difference
    if ranks.p_value / SHARE_OF_RANKS < p_mean / (1 - SHARE_OF_RANKS):  # as two_test_p weighs them
        return ranks.direction
    return 1 if (difference.mean or 0.0) > neutral_value(difference.metric) else -1


def _p_of_difference(difference: Difference) -> float | None:
    """None without an interval: for a single seed, or if all seeds are alike."""
    if difference.p_difference is None or difference.p_ranks is None:
        return None
    return two_test_p(difference.p_difference, difference.p_ranks)


def _corrected(p_values: Sequence[float | None]) -> list[float]:
    """Holm's p-values; a missing p-value decides nothing, but counts as a test."""
    return holm([1.0 if p is None else p for p in p_values])


def _verdict(difference: Difference, p_difference: float, p_equivalence: float) -> str:
    if p_equivalence <= SIGNIFICANCE:
        return EQUIVALENT
    if p_difference > SIGNIFICANCE or difference.mean is None:
        return "undecided"
    direction = _direction(difference)
    # A value above a bound may lie on either side of "no difference" if the bound is below it.
    if difference.bound is not None and SIGNS_OF_BOUNDS[difference.bound] != direction:
        return "undecided"
    neutral = neutral_value(difference.metric)
    claimed = claimed_sign(difference.paper, difference.notes, neutral)
    if claimed is None:
        return "higher" if direction > 0 else "lower"
    return "agrees" if direction == claimed else "opposite"


SIGNS_OF_BOUNDS = {"above": 1, "below": -1}
"""The direction in which a bound proves a difference."""


def claimed_sign(paper: Any, notes: Any, no_difference: float) -> int | None:
    """The sign that the paper, or else the notes, claim, 1 or -1; None without a claim."""
    claim = _claim(paper, notes)
    if claim is None:
        return None
    if claim in SIGNS:
        return SIGNS[claim]
    return 1 if claim > no_difference else -1


def _claim(paper: Any, notes: Any) -> Any:
    """The paper's claim, or else that of the lab notes."""
    return notes if paper is None else paper
