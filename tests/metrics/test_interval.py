"""Confidence intervals, against published ones."""

import pytest
from scipy.stats import binomtest

from alexcli.metrics.interval import wilson


@pytest.mark.parametrize(
    ("wrong", "n", "low", "high"), [(81, 263, 0.2553, 0.3662), (0, 20, 0.0, 0.1611)]
)
def test_wilson_intervals_equal_a_published_table(
    wrong: int, n: int, low: float, high: float
) -> None:
    """Newcombe 1998, Statistics in Medicine 17, Table I, method 3."""
    interval = wilson(wrong / n, n)
    assert interval.level == 0.95
    assert (round(interval.low, 4), round(interval.high, 4)) == (low, high)


def test_more_images_narrow_the_interval() -> None:
    few = wilson(0.25, 100)
    many = wilson(0.25, 10_000)
    assert few.low < many.low < 0.25 < many.high < few.high


@pytest.mark.parametrize("n", [1, 7, 60, 50_000])
def test_wilson_intervals_equal_those_of_scipy(n: int) -> None:
    for wrong in {0, 1, n // 3, n - 1, n}:
        expected = binomtest(wrong, n).proportion_ci(0.95, method="wilson")
        interval = wilson(wrong / n, n)
        assert interval.low == pytest.approx(expected.low, abs=1e-12)
        assert interval.high == pytest.approx(expected.high, abs=1e-12)
        assert 0 <= interval.low <= wrong / n <= interval.high <= 1
