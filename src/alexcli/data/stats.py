"""Mean image, channel means and RGB covariance of a set of pictures, from one streaming pass."""

import itertools
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from alexcli.data.cache import Arrays
from alexcli.data.pictures import Images, Pictures

Floats = npt.NDArray[np.float64]
Progress = Callable[[int, int], None]

CHUNK = 16
BLOCK = 1 << 16  # pixels
UPPER = tuple(itertools.combinations_with_replacement(range(3), 2))


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

    def arrays(self) -> Arrays:
        """For a file."""
        count = np.asarray(self.count)
        return {"mean_image": self.mean_image, "covariance": self.covariance, "count": count}

    @classmethod
    def from_arrays(cls, stored: Arrays) -> "Statistics":
        """From a file."""
        return cls(stored["mean_image"], stored["covariance"], int(stored["count"]))


@dataclass
class Sums:
    """Of some pictures, to be added to those of others."""

    total: npt.NDArray[Any]
    """(S, S, 3), whole numbers: uint32 of few pictures, which are sent between processes."""
    products: Floats
    """(3, 3), sum over pixels of the outer product of RGB."""
    count: int
    """Pictures."""

    def __add__(self, other: "Sums") -> "Sums":
        total = self.total + other.total.astype(np.float64)
        return Sums(total, self.products + other.products, self.count + other.count)

    def statistics(self) -> Statistics:
        """What these sums say; at least one picture is needed."""
        image = self.total / self.count
        mean = image.mean(axis=(0, 1))
        covariance = self.products / (image.size // 3 * self.count) - np.outer(mean, mean)
        return Statistics(image, covariance, self.count)


EMPTY = Sums(np.zeros(()), np.zeros((3, 3)), 0)


def sums_of(images: Images) -> Sums:
    """Sums of (N, S, S, 3) uint8, N below 2**24: whole numbers, so exact."""
    products = sum(map(_products, images), np.zeros((3, 3)))
    return Sums(images.sum(axis=0, dtype=np.uint32), products, len(images))


def measure(pictures: Pictures, progress: Progress | None = None) -> Statistics:
    """One pass over all pictures, summed in float64; files are decoded on all cores.

    Args:
        pictures: a training set.
        progress: told (done, total) as the pass goes on.
    """
    count = len(pictures)
    chunks = [range(a, min(a + CHUNK, count)) for a in range(0, count, CHUNK)]
    found = EMPTY
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for part in pool.map(lambda chunk: sums_of(pictures.fetch(chunk)), chunks):
            found += part
            if progress is not None:
                progress(found.count, count)
    assert found.count, "a split without pictures"
    return found.statistics()


def _products(image: Images) -> Floats:
    """Sum over pixels of the outer product of RGB, (3, 3), exact.

    A product of (3, P) with (P, 3) is too narrow for a matrix library. Whole numbers of 32 bits
    are twice as fast as float64, and 65,536 squares of 255 still fit.
    """
    flat, found = image.reshape(-1, 3), np.zeros((3, 3))
    for start in range(0, len(flat), BLOCK):
        planes = flat[start : start + BLOCK].T.astype(np.uint32, order="C")
        for i, j in UPPER:
            found[i, j] += np.einsum("p,p->", planes[i], planes[j])
    return np.triu(found) + np.triu(found, 1).T
