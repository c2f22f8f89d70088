"""Statistics of a training set, from one pass over its images.

Legend: N images, S side of a stored image, P pixels of an image.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from alexcli.data.arrays import ImageArray
from alexcli.data.cache import Arrays
from alexcli.data.images import ImageSource

Floats = npt.NDArray[np.float64]

Progress = Callable[[int, int], None]
"""Receives the number of finished images (or files) and their total number."""

IMAGES_PER_CHUNK = 16


@dataclass
class Statistics:
    """Statistics of pixels on the 0-255 scale over all training images (sections 2 and 4.1)."""

    mean_image: Floats
    """(S, S, 3), grey levels."""
    covariance: Floats
    """(3, 3), of RGB values over all pixels, squared grey levels."""
    count: int
    """Number of images."""

    @property
    def channel_means(self) -> Floats:
        """(3,), grey levels."""
        return np.asarray(self.mean_image.mean(axis=(0, 1)))

    def components(self) -> tuple[Floats, Floats]:
        """The principal components of RGB values (section 4.1).

        Returns:
            The eigenvalues (3,) of the covariance, largest first, and its eigenvectors as the
            columns of (3, 3).
        """
        values, vectors = np.linalg.eigh(self.covariance)
        return np.maximum(values[::-1], 0), vectors[:, ::-1]

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> Self:
        """Statistics from the arrays in a file of their `vars`, in floats of any size."""
        with np.errstate(over="ignore"):  # infinite values are refused later
            mean_image = arrays["mean_image"].astype(np.float64)
            covariance = arrays["covariance"].astype(np.float64)
        return cls(mean_image, covariance, int(arrays["count"]))


@dataclass
class RunningStatistics:
    """Sums over some images, which can be added to the sums over others."""

    total: npt.NDArray[Any]
    """(S, S, 3), the sum of the images, whole numbers: of images uint32, so that less is sent
    between processes, and of sums float64.
    """
    products: Floats
    """(3, 3), the sum over all pixels of the outer product of RGB."""
    count: int
    """Number of images."""

    @classmethod
    def from_images(cls, images: ImageArray) -> Self:
        """The exact sums over images.

        Args:
            images: (N, S, S, 3) uint8, N below 2**24.
        """
        images_per_sum = 257  # 257 * 255 fits into 16 bits, and adding those is twice as fast as 32
        total = np.zeros(images.shape[1:], np.uint32)
        for first in range(0, len(images), images_per_sum):
            total += images[first : first + images_per_sum].sum(axis=0, dtype=np.uint16)
        products = sum(map(_sum_of_products, images), np.zeros((3, 3)))
        return cls(total, products, len(images))

    def __add__(self, other: "RunningStatistics") -> "RunningStatistics":
        total = self.total + other.total.astype(np.float64)
        return RunningStatistics(total, self.products + other.products, self.count + other.count)

    def statistics(self) -> Statistics:
        """The statistics that follow from the sums over at least one image."""
        mean_image = self.total / self.count
        means = mean_image.mean(axis=(0, 1))
        pixels = mean_image.size // 3 * self.count
        covariance = self.products / pixels - np.outer(means, means)
        return Statistics(mean_image, covariance, self.count)


EMPTY = RunningStatistics(np.zeros(()), np.zeros((3, 3)), 0)
"""The sums over no images, the start of a total."""


def _sum_of_products(image: ImageArray) -> Floats:
    """The exact sum over pixels of the outer product of RGB, (3, 3).

    A product of (3, P) with (P, 3) is too narrow for a matrix library. Four neighbouring pixels
    therefore make a row of 12 numbers; of the 12 x 12 products, only the blocks of a pixel with
    itself count. 256 squares of 255 are below 2**24, up to which float32 represents every integer.
    The image is padded with zeros, which add nothing.
    """
    numbers = image.reshape(-1)
    numbers_per_block = 256 * 12
    if numbers.size % numbers_per_block:
        numbers = np.pad(numbers, (0, -numbers.size % numbers_per_block))
    rows = numbers.reshape(-1, 256, 12).astype(np.float32)
    products = np.matmul(rows.transpose(0, 2, 1), rows).sum(axis=0, dtype=np.float64)
    diagonal: Floats = np.einsum("pipj->ij", products.reshape(4, 3, 4, 3))
    return diagonal


def compute_statistics(images: ImageSource, progress: Progress = lambda *_: None) -> Statistics:
    """Compute the statistics of images in one pass, with files decoded on all cores.

    Args:
        images: a training set with at least one image.
        progress: receives the number of finished images and of all images.

    Raises:
        UsageError: an image cannot be decoded.
    """
    count = len(images)
    assert count, "a split without images"
    chunks = [
        range(first, min(first + IMAGES_PER_CHUNK, count))
        for first in range(0, count, IMAGES_PER_CHUNK)
    ]
    sums = EMPTY
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for part in pool.map(lambda chunk: _sums_of_chunk(images, chunk), chunks):
            sums = sums + part
            progress(sums.count, count)
    return sums.statistics()


def _sums_of_chunk(images: ImageSource, chunk: range) -> RunningStatistics:
    """The sums over the images at some positions."""
    return RunningStatistics.from_images(images.fetch(chunk))
