import numpy as np
import pytest
from scipy.stats import binom, quantile_test  # type: ignore[import-untyped]

from alexcli.ablation.estimate import CONFIDENCE
from alexcli.ablation.median import Median, median_of

STUDIES = 4_000


def test_the_interval_is_that_of_scipys_test_of_a_quantile() -> None:
    generator = np.random.default_rng(0)
    for count in (6, 7, 8, 12, 20, 37):
        differences = generator.normal(0.01, 0.02, count)
        expected = quantile_test(differences, p=0.5).confidence_interval(CONFIDENCE)
        found = median_of(list(differences))
        assert (found.low, found.high) == pytest.approx((expected.low, expected.high)), count
        assert found.value == np.median(differences)


def test_five_differences_have_no_interval_and_six_have_their_range() -> None:
    assert median_of([5.0, 1.0, 2.0, 4.0, 3.0]) == Median(3.0, None, None)
    assert median_of([5.0, 1.0, 2.0, 4.0, 3.0, 60.0]) == Median(3.5, 1.0, 60.0)


def test_a_net_that_did_not_learn_hardly_moves_it() -> None:
    differences = [0.001 * each for each in range(1, 21)]
    with_one = median_of([*differences[:-1], 0.9])
    assert with_one == median_of(differences)
    assert with_one == Median(pytest.approx(0.0105), 0.006, 0.015)


@pytest.mark.parametrize("count", [6, 9, 20, 28])
def test_it_covers_the_true_median_as_often_as_it_says(count: int) -> None:
    """With every fifth seed spreading twenty times as much, around a true median of 1."""
    generator = np.random.default_rng(count)
    spread = np.where(generator.random((STUDIES, count)) < 0.2, 20.0, 1.0)
    studies = 1 + spread * generator.standard_normal((STUDIES, count))
    covered = 0
    for differences in studies:
        median = median_of(list(differences))
        assert median.low is not None
        assert median.high is not None
        covered += median.low <= 1 <= median.high
    fewest = binom.ppf(0.001, STUDIES, CONFIDENCE)
    assert covered >= fewest
