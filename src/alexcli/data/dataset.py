"""The splits of a data set, and the statistics of its training set from one streaming pass."""

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from alexcli.data.cache import Arrays, cached
from alexcli.data.pictures import Images, Pictures

Floats = npt.NDArray[np.float64]
Progress = Callable[[int, int], None]

CHUNK = 16


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
        return np.asarray(self.mean_image.mean(axis=(0, 1)))

    def components(self) -> tuple[Floats, Floats]:
        """Eigenvalues (3,) of the covariance, largest first, and eigenvectors (3, 3) in columns."""
        values, vectors = np.linalg.eigh(self.covariance)
        return np.maximum(values[::-1], 0), vectors[:, ::-1]

    @classmethod
    def from_arrays(cls, stored: Arrays) -> Self:
        """From a file of its `vars`."""
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

    @classmethod
    def of(cls, images: Images) -> Self:
        """Of (N, S, S, 3) uint8, N below 2**24: whole numbers, so exact."""
        most = 257  # of 255 fit into 16 bits, which are added twice as fast as 32
        total = np.zeros(images.shape[1:], np.uint32)
        for at in range(0, len(images), most):
            total += images[at : at + most].sum(axis=0, dtype=np.uint16)
        return cls(total, sum(map(_products, images), np.zeros((3, 3))), len(images))

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


def _products(image: Images) -> Floats:
    """Sum over pixels of the outer product of RGB, (3, 3), exact.

    A product of (3, P) with (P, 3) is too narrow for a matrix library: four neighbours make a row
    of 12, of whose products the blocks of a pixel with itself count. 256 squares of 255 are below
    2**24, up to which float32 holds every whole number; the zeros at the end add nothing.
    """
    numbers, block = image.reshape(-1), 256 * 12
    if numbers.size % block:
        numbers = np.pad(numbers, (0, -numbers.size % block))
    rows = numbers.reshape(-1, 256, 12).astype(np.float32)
    products = np.matmul(rows.transpose(0, 2, 1), rows).sum(axis=0, dtype=np.float64)
    found: Floats = np.einsum("pipj->ij", products.reshape(4, 3, 4, 3))
    return found


@dataclass
class Dataset:
    """The splits of a data set. `val` chooses (rate drops, best checkpoint); `test` never does."""

    classes: list[str]
    train: Pictures
    val: Pictures
    test: Pictures | None
    fingerprint: str
    """Identity of the pictures, whatever their path: names, counts and sizes."""
    size: int
    """Side of the pictures, pixels."""
    resize: str
    """How they came to that size."""
    note: str | None = None
    """What a reader of a result must know, e.g. that val is the only held-out set."""
    skipped: int = 0
    """Files left out because they cannot be decoded."""
    statistics: Statistics | None = None
    """Of `train`, where they came with the data."""

    @classmethod
    def of(cls, classes: list[str], parts: Mapping[str, Pictures], *rest: Any) -> Self:
        """Of the splits that there are: a lone held-out set serves as `val` and as `test`.

        Without any, `train` stands in for `val`.
        """
        test = parts.get("test", parts.get("val"))
        val = parts.get("val", parts["train"] if test is None else test)
        return cls(classes, parts["train"], val, test, *rest)

    def splits(self) -> dict[str, Pictures]:
        """Those that there are; one that stands in for another only once."""
        found: dict[str, Pictures] = {}
        for name in ("train", "val", "test"):
            pictures = getattr(self, name)
            if pictures is not None and all(pictures is not other for other in found.values()):
                found[name] = pictures
        return found


def digest(value: object) -> str:
    """A short digest of plain data."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]


def measure(pictures: Pictures, progress: Progress = lambda *_: None) -> Statistics:
    """One pass over all pictures, summed in float64; files are decoded on all cores.

    Args:
        pictures: a training set.
        progress: told (done, total) as the pass goes on.
    """
    count, found = len(pictures), EMPTY
    chunks = [range(a, min(a + CHUNK, count)) for a in range(0, count, CHUNK)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for part in pool.map(lambda chunk: Sums.of(pictures.fetch(chunk)), chunks):
            found += part
            progress(found.count, count)
    assert found.count, "a split without pictures"
    return found.statistics()


def training_statistics(dataset: Dataset, progress: Progress = lambda *_: None) -> Statistics:
    """The statistics of the training split: stored with it, or measured at first use and cached."""
    if dataset.statistics is not None:
        return dataset.statistics

    def make() -> Arrays:
        found = measure(dataset.train, progress)
        # A broken picture in val is to be found now, not after hours of the first epoch.
        if dataset.val is not dataset.train:
            measure(dataset.val, progress)
        return vars(found)

    return Statistics.from_arrays(cached(f"stats-{dataset.fingerprint}", make))
