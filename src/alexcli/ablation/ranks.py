"""Wilcoxon's signed-rank test of paired differences, which assumes no normal distribution."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from alexcli.ablation.estimate import SMALLEST_SPREAD

MOST_EXACT = 200
"""Largest number of differences for the exact test; the normal approximation is used beyond."""


@dataclass(frozen=True)
class SignedRanks:
    """The result of a signed-rank test."""

    p_value: float
    """Two-sided, for the hypothesis that the differences are symmetric about zero."""
    direction: int
    """1 if they tend to be above zero, -1 if below, 0 if neither."""


def signed_ranks(differences: Sequence[float]) -> SignedRanks:
    """Wilcoxon's test, exact for up to MOST_EXACT differences.

    With few seeds, one net that hardly learned can shift the mean and its interval by any amount;
    among the ranks it is only one of many.

    Args:
        differences: of an arm and its baseline, one for each seed. Those that are zero up to
            rounding are left out.

    Returns:
        A p-value of 1 if nothing is left; with n differences it is at least 2 / 2^n.

    Source: F. Wilcoxon, Biometrics Bulletin 1 (1945); J. Demsar, Journal of Machine Learning
    Research 7 (2006), who recommends it for comparing classifiers.
    """
    values = np.array(
        [difference for difference in differences if abs(difference) > SMALLEST_SPREAD]
    )
    if not len(values):
        return SignedRanks(1.0, 0)
    ranks = _doubled_ranks(np.abs(values))
    positive = int(ranks[values > 0].sum())
    negative = int(ranks.sum()) - positive
    direction = (positive > negative) - (positive < negative)
    return SignedRanks(_two_sided_p(ranks, min(positive, negative)), direction)


def _two_sided_p(ranks: np.ndarray, smaller: int) -> float:
    """The probability that either side's sum of ranks is at most the smaller one."""
    if len(ranks) <= MOST_EXACT:
        return min(1.0, 2 * float(_sum_probabilities(ranks)[: smaller + 1].sum()))
    deviation = math.sqrt(float((ranks.astype(float) ** 2).sum())) / 2
    return math.erfc((ranks.sum() / 2 - smaller) / deviation / math.sqrt(2))


def _doubled_ranks(sizes: np.ndarray) -> np.ndarray:
    """Twice the rank of each size, so that the middle rank of equal sizes is an integer too."""
    in_order = np.sort(sizes)
    first = np.searchsorted(in_order, sizes, side="left")
    last = np.searchsorted(in_order, sizes, side="right")
    return first + last + 1


def _sum_probabilities(ranks: np.ndarray) -> np.ndarray:
    """The probability of each sum of ranks if each rank is included with probability 1/2."""
    probabilities = np.zeros(int(ranks.sum()) + 1)
    probabilities[0] = 1.0
    for rank in ranks:
        counted = np.zeros_like(probabilities)
        counted[rank:] = probabilities[: len(probabilities) - rank]
        probabilities = (probabilities + counted) / 2
    return probabilities
