"""Confidence intervals, against published ones."""

import pytest

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
