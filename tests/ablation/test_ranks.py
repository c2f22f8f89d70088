"""Wilcoxon's signed ranks: against scipy, and against every choice of signs."""

import itertools

import numpy as np
import pytest
from scipy import stats

from alexcli.ablation.ranks import MOST_EXACT, signed_ranks


def rank_p(differences: list[float]) -> float:
    return signed_ranks(differences).p_value


@pytest.mark.parametrize("count", [4, 7, 12, 30])
def test_it_is_scipys_exact_test(count: int) -> None:
    differences = np.random.default_rng(count).normal(0.5, 1.0, count)
    expected = stats.wilcoxon(differences, method="exact").pvalue
    assert rank_p(list(differences)) == pytest.approx(expected)


def test_differences_of_equal_size_share_their_rank() -> None:
    differences = [1.0, 1.0, -1.0, 2.0, 3.0, -2.0, 4.0, 4.0]
    ranks = stats.rankdata(np.abs(differences))
    found = ranks[np.array(differences) > 0].sum()
    middle = ranks.sum() / 2
    sums = [
        sum(rank for rank, counts in zip(ranks, choice, strict=True) if counts)
        for choice in itertools.product([False, True], repeat=len(ranks))
    ]
    as_far = [abs(each - middle) >= abs(found - middle) for each in sums]
    assert rank_p(differences) == pytest.approx(np.mean(as_far))


def test_the_size_of_the_largest_difference_does_not_matter() -> None:
    differences = [0.03, 0.02, 0.04, 0.01, 0.05, 0.06]
    assert rank_p(differences) == rank_p([*differences[:-1], 0.9]) == 2 / 2**6
    assert rank_p([-each for each in differences]) == 2 / 2**6


def test_what_is_zero_up_to_rounding_says_nothing() -> None:
    assert rank_p([0.0, 1e-12, -1e-12]) == 1.0
    assert rank_p([]) == 1.0
    assert rank_p([0.0, 0.01, 0.02]) == rank_p([0.01, 0.02])


def test_many_differences_take_the_normal_approximation() -> None:
    differences = np.random.default_rng(0).normal(0.1, 1.0, MOST_EXACT + 1)
    expected = stats.wilcoxon(differences, method="exact").pvalue
    assert rank_p(list(differences)) == pytest.approx(expected, rel=0.02)


def test_the_direction_is_that_of_most_ranks_not_of_the_mean() -> None:
    assert signed_ranks([-0.01, -0.02, -0.03, -0.015, 0.9]).direction == -1
    assert signed_ranks([0.01, 0.02]).direction == 1
    assert signed_ranks([0.01, -0.01]).direction == 0
