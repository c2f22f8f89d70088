"""Confidence intervals of errors."""

from alexcli.records.evaluation import Interval

LEVEL = 0.95


def wilson(error: float, n: int) -> Interval:
    """Wilson's score interval of a fraction, at 95%.

    Args:
        error: the fraction of images that are wrong.
        n: number of images.
    """
    from scipy.stats import binomtest

    wrong = round(error * n)
    bounds = binomtest(wrong, n).proportion_ci(LEVEL, method="wilson")
    return Interval(LEVEL, float(bounds.low), float(bounds.high))
