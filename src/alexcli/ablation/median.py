"""The median of paired differences, with an interval that assumes no distribution."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from scipy.special import bdtr  # the binomial distribution, without the seconds of scipy.stats

from alexcli.ablation.estimate import CONFIDENCE


@dataclass(frozen=True)
class Median:
    """A median and the interval of the true one."""

    value: float
    low: float | None
    """None with too few values for an interval at CONFIDENCE."""
    high: float | None


def median_of(differences: Sequence[float]) -> Median:
    """The median of differences, and the order statistics that enclose the true one.

    One net that hardly learned can shift the mean and its interval by any amount; the median and
    its interval hardly move.

    Args:
        differences: of an arm and its baseline, one for each seed; at least one.

    Returns:
        The interval covers the true median with a probability of CONFIDENCE or more, whatever the
        distribution: as many values lie below it as heads fall in throws of a fair coin. Five
        values or fewer have none.

    Source: W. R. Thompson, Annals of Mathematical Statistics 7 (1936).
    """
    in_order = sorted(differences)
    count = len(in_order)
    left_out = -1
    while bdtr(left_out + 1, count, 0.5) <= (1 - CONFIDENCE) / 2:
        left_out += 1
    value = statistics.median(in_order)
    if left_out < 0:
        return Median(value, None, None)
    return Median(value, in_order[left_out], in_order[count - 1 - left_out])
