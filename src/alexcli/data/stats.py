"""Mean image, channel means and RGB covariance of a training set, from one streaming pass."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from alexcli.data.cache import Arrays, cached
from alexcli.data.pictures import Pictures
from alexcli.data.sources import Dataset

Floats = npt.NDArray[np.float64]
Progress = Callable[[int, int], None]

CHUNK = 64


@dataclass
class Statistics:
    """Of pixels on the 0-255 scale, over all pictures of the training set (sections 2 and 4.1)."""

    mean_image: Floats
    """(S, S, 3), grey levels."""
    covariance: Floats
    """(3, 3) of RGB values, squared grey levels."""
    count: int
    """Pictures."""

    @property
    def channel_means(self) -> Floats:
        """(3,), grey levels."""
        means: Floats = self.mean_image.mean(axis=(0, 1))
        return means

    def components(self) -> tuple[Floats, Floats]:
        """Eigenvalues (3,) of the covariance, largest first, and eigenvectors (3, 3) in columns."""
        values, vectors = np.linalg.eigh(self.covariance)
        return np.maximum(values[::-1], 0), vectors[:, ::-1]


def measure(pictures: Pictures, progress: Progress | None = None) -> Statistics:
    """One pass over all pictures, summed in float64; files are decoded on all cores.

    Args:
        pictures: a training set.
        progress: told (done, total) as the pass goes on.
    """
    total, products, count = np.zeros(1), np.zeros((3, 3)), len(pictures)
    chunks = [range(a, min(a + CHUNK, count)) for a in range(0, count, CHUNK)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for sums, squares, done in pool.map(lambda chunk: _sums(pictures, chunk), chunks):
            total, products = total + sums, products + squares
            if progress is not None:
                progress(done, count)
    mean_image = total / count
    mean = mean_image.mean(axis=(0, 1))
    pixels = count * mean_image.shape[0] * mean_image.shape[1]
    return Statistics(mean_image, products / pixels - np.outer(mean, mean), count)


def _sums(pictures: Pictures, chunk: range) -> tuple[Floats, Floats, int]:
    """Sum of pictures (S, S, 3), sum of outer products of RGB (3, 3), and where the chunk ends."""
    images = pictures.fetch(chunk)
    flat = images.reshape(-1, 3).astype(np.float64)
    return images.sum(axis=0, dtype=np.float64), flat.T @ flat, chunk.stop


def training_statistics(dataset: Dataset, progress: Progress | None = None) -> Statistics:
    """The statistics of the training split, measured at first use and cached."""

    def make() -> Arrays:
        found = measure(dataset.train, progress)
        # A broken picture in val is to be found now, not after hours of the first epoch.
        measure(dataset.val, progress)
        return {
            "mean_image": found.mean_image,
            "covariance": found.covariance,
            "count": np.asarray(found.count),
        }

    stored = cached(f"stats-{dataset.fingerprint}", make)
    return Statistics(stored["mean_image"], stored["covariance"], int(stored["count"]))
