"""Comparing an arm with the baseline: differences paired by seed, and the evidence for them."""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from alexcli.ablation.estimate import SMALLEST_SPREAD, estimate
from alexcli.ablation.verdicts import margin_of
from alexcli.errors import plural
from alexcli.records.study import Difference
from alexcli.schema import ArmSpec, Metric, StudySpec

SeedValues = Mapping[int, float | None]
"""A metric by seed; None if it was not reached."""

FEWEST_FOR_CORRELATION = 3


@dataclass
class Pair:
    """The two values that are compared for one seed or one group of nets."""

    arm: float
    baseline: float
    arm_reached: bool = True
    """Whether the arm reached the threshold; if not, `arm` is the run's number of epochs."""
    baseline_reached: bool = True


def compare(
    arm: SeedValues,
    baseline: SeedValues,
    metric: Metric,
    definition: ArmSpec,
    study: StudySpec,
    *,
    until_narrow: bool = False,
    epochs: int = 0,
) -> Difference:
    """The mean difference of an arm with its 95% interval and the claims, still without a verdict.

    Args:
        arm: values of the arm.
        baseline: values of the baseline.
        metric: `epochs` are compared as a ratio (a geometric mean), all else as a difference.
        definition: the arm's claims.
        study: the study's margin.
        until_narrow: whether seeds were added until the interval was narrow; see estimate.
        epochs: epochs of every run, used for seeds that did not reach the threshold.
    """
    is_ratio = metric is Metric.epochs
    pairs = _pairs(arm, baseline, epochs if is_ratio else 0)
    arm_missed = any(not pair.arm_reached for pair in pairs)
    baseline_missed = any(not pair.baseline_reached for pair in pairs)
    difference = Difference(
        metric=metric.name,
        mean=None,
        low=None,
        high=None,
        seeds=len(pairs),
        paper=definition.paper.get(metric),
        notes=definition.notes.get(metric),
        verdict="undecided",
        margin=margin_of(metric, definition, study),
    )
    if not pairs:
        difference.reason = "not measured"
        return difference
    if arm_missed and baseline_missed:  # the ratio is then no bound
        difference.reason = "seeds of both did not reach the threshold"
        return difference
    if arm_missed:
        difference.bound = "above"
    elif baseline_missed:
        difference.bound = "below"
    difference.reason = _unreached(pairs, epochs)
    _add_mean(difference, pairs, until_narrow=until_narrow)
    return difference


def _add_mean(difference: Difference, pairs: Sequence[Pair], *, until_narrow: bool) -> None:
    """The mean with its interval, its p-values, and what pairing gained."""
    is_ratio = difference.metric == Metric.epochs.name
    differences = [difference_of(pair, is_ratio=is_ratio) for pair in pairs]
    from_log = math.exp if is_ratio else float
    difference.mean = from_log(math.fsum(differences) / len(differences))
    difference.by_seed = [from_log(value) for value in differences]
    mean_estimate = estimate(differences, until_narrow=until_narrow)
    if mean_estimate is None:
        difference.reason = difference.reason or _reason_without_interval(differences)
        return
    low, high = mean_estimate.interval
    difference.low = from_log(low)
    difference.high = from_log(high)
    difference.p_difference = mean_estimate.p_difference
    if difference.margin is not None and difference.bound is None:
        margin = math.log(difference.margin) if is_ratio else difference.margin
        difference.p_equivalence = mean_estimate.p_equivalence(margin)
    _add_correlation(difference, pairs, differences, is_ratio=is_ratio)


def paired_differences(
    arm: SeedValues, baseline: SeedValues, metric: Metric, epochs: int = 0
) -> list[float]:
    """Arm minus baseline for each seed; for `epochs`, the logarithm of the ratio.

    Args:
        arm: values of the arm.
        baseline: values of the baseline.
        metric: what is compared.
        epochs: as in `compare`.
    """
    is_ratio = metric is Metric.epochs
    pairs = _pairs(arm, baseline, epochs if is_ratio else 0)
    return [difference_of(pair, is_ratio=is_ratio) for pair in pairs]


def difference_of(pair: Pair, *, is_ratio: bool) -> float:
    """The difference of a pair, or the logarithm of its ratio."""
    if is_ratio:
        return math.log(pair.arm) - math.log(pair.baseline)
    return pair.arm - pair.baseline


def _pairs(arm: SeedValues, baseline: SeedValues, epochs: int) -> list[Pair]:
    """Pair the values of arm and baseline by seed, for seeds that both have.

    Args:
        arm: values of the arm.
        baseline: values of the baseline.
        epochs: value of a seed that did not reach the threshold; with 0 such seeds are left
            out.
    """
    pairs = []
    for seed, value in arm.items():
        if seed not in baseline:
            continue
        reference = baseline[seed]
        if value is not None and reference is not None:
            pairs.append(Pair(value, reference))
        elif epochs:
            pairs.append(
                Pair(
                    epochs if value is None else value,
                    epochs if reference is None else reference,
                    arm_reached=value is not None,
                    baseline_reached=reference is not None,
                )
            )
    return pairs


def _unreached(pairs: Sequence[Pair], epochs: int) -> str:
    """How many seeds did not reach the threshold; empty if all did."""
    for side, missed in (
        ("", sum(not pair.arm_reached for pair in pairs)),
        ("the baseline's ", sum(not pair.baseline_reached for pair in pairs)),
    ):
        if missed:
            within = plural(epochs, "epoch")
            return f"{side}threshold not reached in {within} by {missed} of {len(pairs)}"
    return ""


def _reason_without_interval(differences: Sequence[float]) -> str:
    return "all seeds alike, no interval" if len(differences) > 1 else "one seed, no interval"


def _add_correlation(
    difference: Difference, pairs: Sequence[Pair], differences: Sequence[float], *, is_ratio: bool
) -> None:
    """Add the correlation of arm and baseline over seeds, and the gain from pairing."""
    if len(pairs) < FEWEST_FOR_CORRELATION:
        return
    arms = [math.log(pair.arm) if is_ratio else pair.arm for pair in pairs]
    baselines = [math.log(pair.baseline) if is_ratio else pair.baseline for pair in pairs]
    if min(statistics.stdev(arms), statistics.stdev(baselines)) <= SMALLEST_SPREAD:
        return
    difference.correlation = statistics.correlation(arms, baselines)
    unpaired = statistics.variance(arms) + statistics.variance(baselines)
    difference.pairing_gain = unpaired / statistics.variance(differences)
