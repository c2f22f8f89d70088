"""How an arm compares with the baseline: differences paired by seed, their interval, a verdict."""

import math
from collections.abc import Sequence
from typing import Any

from alexcli.errors import plural
from alexcli.records.study import Difference
from alexcli.schema import ArmSpec, Metric

SIGNS = {"higher": 1, "lower": -1}
"""Claims without a number."""

CONFIDENCE = 0.95
SMALLEST_SPREAD = 1e-9
"""Differences that are closer than this differ by rounding, and have no interval."""

SeedValues = dict[int, float | None]
"""A metric by seed; None where it was not reached."""


def compare(
    arm: SeedValues, baseline: SeedValues, metric: Metric, definition: ArmSpec, nets: int = 0
) -> Difference:
    """The mean difference of an arm with its 95% interval, beside what is claimed.

    Args:
        arm: values of the arm.
        baseline: values of the baseline; seeds are paired, and the interval is Student's t of the
            pairs.
        metric: `epochs` are compared as a ratio (a geometric mean), all else as a difference.
        definition: the arm's claims.
        nets: how many nets an ensemble averages, which is compared with the mean of those.
    """
    paper = definition.paper.get(metric)
    notes = definition.notes.get(metric)
    if definition.ensemble:
        baseline = _mean_as_seed_0(baseline)
    pairs = _pairs(arm, baseline)
    missed = sum(value is None for value in arm.values())
    if missed or not pairs:  # a ratio of the lucky seeds alone would mislead
        verdict = f"not reached by {missed} of {len(arm)}" if missed else "not measured"
        return Difference(metric.name, None, None, None, len(arm), paper, notes, verdict)

    is_ratio = metric is Metric.epochs
    if is_ratio:
        differences = [math.log(value) - math.log(reference) for value, reference in pairs]
    else:
        differences = [value - reference for value, reference in pairs]
    mean = sum(differences) / len(differences)
    interval = _interval(differences)
    verdict = _verdict(mean, interval, _claimed_sign(paper, notes, is_ratio=is_ratio))
    if interval is None:
        verdict += f"; {_reason_without_interval(differences, definition, nets)}, no interval"
    low, high = interval or (None, None)
    if is_ratio:
        mean = math.exp(mean)
        low = None if low is None else math.exp(low)
        high = None if high is None else math.exp(high)
    seeds = nets if definition.ensemble else len(differences)
    return Difference(metric.name, mean, low, high, seeds, paper, notes, verdict)


def _mean_as_seed_0(column: SeedValues) -> SeedValues:
    """The mean of the values that were reached, as that of seed 0; empty where there is none."""
    values = [value for value in column.values() if value is not None]
    return {0: sum(values) / len(values)} if values else {}


def _pairs(arm: SeedValues, baseline: SeedValues) -> list[tuple[float, float]]:
    """Values of the arm and of the baseline by seed, where both have one."""
    pairs = []
    for seed, value in arm.items():
        reference = baseline.get(seed)
        if value is not None and reference is not None:
            pairs.append((value, reference))
    return pairs


def _interval(differences: Sequence[float]) -> tuple[float, float] | None:
    """Student's interval of the mean; None where the values do not spread."""
    if max(differences) - min(differences) <= SMALLEST_SPREAD:
        return None
    from scipy.stats import ttest_1samp  # of paired differences: the paired test

    interval = ttest_1samp(differences, 0.0).confidence_interval(CONFIDENCE)
    return float(interval.low), float(interval.high)


def _claimed_sign(paper: Any, notes: Any, *, is_ratio: bool) -> int | None:
    """1 or -1 as the paper, or else the notes, claim the difference; None without a claim."""
    claim = notes if paper is None else paper
    if claim is None:
        return None
    if claim in SIGNS:
        return SIGNS[claim]
    no_difference = 1 if is_ratio else 0
    return 1 if claim > no_difference else -1


def _verdict(mean: float, interval: tuple[float, float] | None, claimed: int | None) -> str:
    """The comparison in words.

    Args:
        mean: of the differences, or of the logarithms of the ratios.
        interval: of the same.
        claimed: the sign that is claimed.
    """
    if interval is not None and interval[0] <= 0 <= interval[1]:
        return "null: includes zero"
    if claimed is None or mean == 0:
        return _direction(mean)
    if mean * claimed > 0:
        return "sign agrees"
    return "sign differs" if interval is None else "opposite sign"


def _direction(mean: float) -> str:
    if mean == 0:
        return "equal"
    return "higher" if mean > 0 else "lower"


def _reason_without_interval(differences: Sequence[float], definition: ArmSpec, nets: int) -> str:
    if definition.ensemble:
        return f"mean of {plural(nets, 'net')}"
    return "all seeds alike" if len(differences) > 1 else "one seed"
