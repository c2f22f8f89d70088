"""The splits of a data set and what belongs to them."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from alexcli.data.cache import Arrays, cached
from alexcli.data.pictures import Pictures
from alexcli.data.stats import Progress, Statistics, measure


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


def digest(value: object) -> str:
    """A short digest of plain data."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]


def training_statistics(dataset: Dataset, progress: Progress | None = None) -> Statistics:
    """The statistics of the training split: stored with it, or measured at first use and cached."""
    if dataset.statistics is not None:
        return dataset.statistics

    def make() -> Arrays:
        found = measure(dataset.train, progress)
        # A broken picture in val is to be found now, not after hours of the first epoch.
        if dataset.val is not dataset.train:
            measure(dataset.val, progress)
        return found.arrays()

    return Statistics.from_arrays(cached(f"stats-{dataset.fingerprint}", make))
