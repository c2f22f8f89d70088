"""The statistics of a store's training set, which are untrusted."""

import numpy as np

from alexcli.data.npz import Expected, read_arrays
from alexcli.data.statistics import Floats, Statistics
from alexcli.data.store import DAMAGED_HINT, STATISTICS, Store
from alexcli.errors import UsageError, plural

WHITEST = 255
"""Grey level."""
ROUNDING = 1e-6
"""Relative rounding error allowed in sums over millions of pixels."""


def read_statistics(store: Store) -> Statistics:
    """The statistics that came with a store.

    Raises:
        UsageError: they are missing, or cannot be statistics of images.
    """
    content = store.read(STATISTICS)
    expected = {
        "mean_image": Expected("f", (store.size, store.size, 3)),
        "covariance": Expected("f", (3, 3)),
        "count": Expected("i", ()),
    }
    try:
        arrays = read_arrays(content, expected)
        statistics = Statistics.from_arrays(arrays)
        check_statistics(statistics)
    except ValueError as error:
        raise UsageError(
            f"{store.root}/{STATISTICS} is damaged: {error}", hint=DAMAGED_HINT
        ) from error
    return statistics


def check_statistics(statistics: Statistics) -> None:
    """Raise ValueError unless images can have such statistics."""
    mean_image: Floats = statistics.mean_image
    covariance: Floats = statistics.covariance
    if statistics.count < 1:
        raise ValueError(f"they are of {plural(statistics.count, 'image')}")
    if not (np.isfinite(mean_image).all() and np.isfinite(covariance).all()):
        raise ValueError("a number is not finite")
    if mean_image.min() < 0 or mean_image.max() > WHITEST:
        raise ValueError(
            f"the mean image is between {mean_image.min():g} and {mean_image.max():g}, and a grey "
            f"level between 0 and {WHITEST}"
        )
    largest = WHITEST**2 / 4  # if half of the pixels are black, half white
    if np.abs(covariance).max() > largest * (1 + ROUNDING):
        raise ValueError(f"a covariance is above {largest:,.0f} squared grey levels")
    if not np.allclose(covariance, covariance.T, rtol=ROUNDING, atol=ROUNDING * largest):
        raise ValueError("the covariance is not symmetric")
    smallest = np.linalg.eigvalsh(covariance)[0]
    if smallest < -ROUNDING * largest:
        raise ValueError(f"a colour component would have a variance of {smallest:g}")
