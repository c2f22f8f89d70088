"""Confidence intervals of errors."""

import math
from statistics import NormalDist

from alexcli.records.evaluation import Interval

LEVEL = 0.95


def wilson(error: float, n: int) -> Interval:
    """Wilson's 95% score interval of a fraction.

    Args:
        error: the fraction of images that are wrong.
        n: number of images.
    """
    z = NormalDist().inv_cdf((1 + LEVEL) / 2)
    fraction = round(error * n) / n
    scale = 1 / (1 + z**2 / n)
    center = scale * (fraction + z**2 / (2 * n))
    half_width = scale * z * math.sqrt(fraction * (1 - fraction) / n + z**2 / (4 * n**2))
    # Rounding must not move the bound of a fraction of 0 or 1 away from 0 or 1.
    low = 0.0 if fraction == 0 else center - half_width
    high = 1.0 if fraction == 1 else center + half_width
    return Interval(LEVEL, low, high)
