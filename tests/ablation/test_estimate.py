"""Intervals, tests and numbers of seeds: against scipy, and by simulated studies."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from alexcli.ablation.estimate import PILOT, WIDENING, Estimate, estimate, holm, seeds_for
from alexcli.ablation.ranks import signed_ranks
from alexcli.ablation.verdicts import two_test_p

DIFFERENCES = [0.013, 0.021, 0.008, 0.017, 0.010]
STUDIES = 4000
"""Simulated for each spread."""
MOST_SIMULATED = 120
"""Seeds after which a simulated study gives up, as if its budget had ended."""
FEW_SEEDS = 20
"""The same for an arm of a simulated table."""

Draw = Callable[[np.random.Generator, int], list[float]]
"""Differences of so many seeds."""


def test_an_interval_is_that_of_the_paired_t_test() -> None:
    found = estimate(DIFFERENCES, until_narrow=False)
    expected = stats.ttest_1samp(DIFFERENCES, 0.0)
    assert found is not None
    assert found.interval == pytest.approx(tuple(expected.confidence_interval(0.95)))
    assert found.p_difference == pytest.approx(expected.pvalue)


def test_equivalence_is_two_one_sided_t_tests() -> None:
    found = estimate(DIFFERENCES, until_narrow=False)
    assert found is not None
    above = stats.ttest_1samp(DIFFERENCES, 0.03, alternative="less").pvalue
    below = stats.ttest_1samp(DIFFERENCES, -0.03, alternative="greater").pvalue
    assert found.p_equivalence(0.03) == pytest.approx(max(above, below))


def test_added_seeds_widen_the_interval() -> None:
    plain = estimate(DIFFERENCES, until_narrow=False)
    widened = estimate(DIFFERENCES, until_narrow=True)
    assert plain is not None
    assert widened is not None
    assert widened.half_width == pytest.approx(WIDENING * plain.half_width)


@pytest.mark.parametrize("differences", [[], [0.1], [0.1, 0.1, 0.1]])
def test_what_does_not_spread_has_no_interval(differences: list[float]) -> None:
    assert estimate(differences, until_narrow=False) is None


def test_holm_is_the_textbook_example() -> None:
    # S. Holm's procedure by hand: 4 x 0.005, 3 x 0.01, 2 x 0.03, 1 x 0.04 kept from falling.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []
    assert holm([0.7, 0.6]) == [1.0, 1.0]


def test_the_seeds_that_are_asked_for_are_the_fewest_that_suffice() -> None:
    wanted = seeds_for(DIFFERENCES, 0.004)
    spread = float(np.std(DIFFERENCES, ddof=1))

    def half_width(count: int) -> float:
        return WIDENING * float(stats.t.ppf(0.975, count - 1)) * spread / count**0.5

    assert half_width(wanted) <= 0.004 < half_width(wanted - 1)
    assert seeds_for(DIFFERENCES, 0.1) == len(DIFFERENCES)


@pytest.mark.parametrize("spread", [0.3, 0.6, 1.0, 1.4, 2.0, 3.0])
def test_intervals_of_automatic_seeds_cover_the_truth_as_often_as_they_say(spread: float) -> None:
    """Whatever the spread, in half-widths: the seeds are added as `ablate --seeds auto` does."""
    generator = np.random.default_rng(0)
    covered = 0
    for _ in range(STUDIES):
        differences = list(generator.normal(0.0, spread, PILOT))
        while len(differences) < MOST_SIMULATED:
            missing = seeds_for(differences, 1.0) - len(differences)
            if not missing:
                break
            differences += list(generator.normal(0.0, spread, max(1, missing // 2)))
        found = estimate(differences, until_narrow=True)
        assert found is not None
        low, high = found.interval
        covered += low <= 0.0 <= high
    error = (0.95 * 0.05 / STUDIES) ** 0.5
    assert covered / STUDIES >= 0.95 - 3 * error


def _gaussian(generator: np.random.Generator, count: int) -> list[float]:
    return list(generator.normal(0.0, 1.0, count))


def _heavy_tailed(generator: np.random.Generator, count: int) -> list[float]:
    """A fifth of the seeds spreads twenty times as much, as where nets hardly learn."""
    spreads = np.where(generator.random(count) < 0.2, 20.0, 1.0)
    return list(generator.normal(0.0, spreads))


@pytest.mark.parametrize("draw", [_gaussian, _heavy_tailed])
def test_a_table_of_nulls_seldom_shows_an_effect(draw: Draw) -> None:
    """Twenty arms without any effect, by both tests and Holm: at most one table in twenty errs."""
    generator = np.random.default_rng(1)
    tables = 400
    wrong = 0
    for _ in range(tables):
        p_values = []
        for _ in range(20):
            differences = draw(generator, PILOT)
            while len(differences) < FEW_SEEDS:
                missing = seeds_for(differences, 1.0) - len(differences)
                if not missing:
                    break
                missing = min(max(1, missing // 2), FEW_SEEDS - len(differences))
                differences += draw(generator, missing)
            p_values.append(_p_of_difference(differences, until_narrow=True))
        wrong += min(holm(p_values)) <= 0.05
    assert wrong / tables <= 0.05 + 3 * (0.05 * 0.95 / tables) ** 0.5


@pytest.mark.parametrize("draw", [_gaussian, _heavy_tailed])
def test_more_seeds_where_a_table_is_undecided_make_it_err_no_oftener(draw: Draw) -> None:
    """As results/ablations was measured: twelve seeds of all rows, twenty of undecided ones."""
    generator = np.random.default_rng(2)
    tables = 300
    wrong = 0
    for _ in range(tables):
        rows = [draw(generator, FEW_SEEDS) for _ in range(20)]
        first = [_p_of_difference(row[:12], until_narrow=False) for row in rows]
        decided = [p <= 0.05 for p in holm(first)]
        p_values = [
            p if decides else _p_of_difference(row, until_narrow=True)
            for p, decides, row in zip(first, decided, rows, strict=True)
        ]
        wrong += min(holm(p_values)) <= 0.05
    assert wrong / tables <= 0.05 + 3 * (0.05 * 0.95 / tables) ** 0.5


def _p_of_difference(differences: list[float], *, until_narrow: bool) -> float:
    """By Student's t and signed ranks together."""
    found = estimate(differences, until_narrow=until_narrow)
    assert isinstance(found, Estimate)
    return two_test_p(found.p_difference, signed_ranks(differences).p_value)
