"""A data set: its classes, its splits, and a fingerprint of its images."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np

from alexcli.data.images import ImageSource
from alexcli.data.statistics import Statistics
from alexcli.errors import UsageError


@dataclass
class Dataset:
    """The splits of a data set.

    The validation set is used for selection (learning-rate drops, the best checkpoint); the test
    set is not, unless it is the only held-out set or `data.val=test` asks for it.
    """

    classes: list[str]
    """Names of the classes, in the order of the labels."""
    train: ImageSource
    val: ImageSource
    test: ImageSource | None
    fingerprint: str
    """Identity of the images wherever they are stored: of files, see `sources/file_identity.py`."""
    size: int
    """Side of the images, pixels."""
    resize: str
    """How the images were resized to that size."""
    note: str | None = None
    """A caveat for readers of a result, e.g. that val is the only held-out set."""
    skipped: int = 0
    """Number of files left out because they cannot be decoded."""
    statistics: Statistics | None = None
    """Statistics of `train`, if they came with the data."""
    has_own_val: bool = True
    """Whether `val` came with the data; otherwise another split stands in for it."""

    @classmethod
    def from_splits(
        cls,
        classes: list[str],
        splits: Mapping[str, ImageSource],
        fingerprint: str,
        size: int,
        resize: str,
        note: str | None = None,
        skipped: int = 0,
        statistics: Statistics | None = None,
    ) -> Self:
        """Make a data set of the splits that exist.

        A single held-out set serves as `val` and as `test`. Without any, `train` stands in for
        `val`.

        Args:
            classes: names of the classes, in the order of the labels.
            splits: the images by `train`, `val` and `test`, at least one of them; `train` may be
                missing when a net is evaluated, and is then empty.
            fingerprint: identity of the images.
            size: side of the images, pixels.
            resize: how the images were resized to that size.
            note: a caveat for readers of a result.
            skipped: number of files left out because they cannot be decoded.
            statistics: of the training set, if they came with the data.
        """
        some = next(iter(splits.values()))
        train = splits["train"] if "train" in splits else some.subset(np.arange(0))
        test = splits.get("test", splits.get("val"))
        val = splits.get("val", train if test is None else test)
        return cls(
            classes=classes,
            train=train,
            val=val,
            test=test,
            fingerprint=fingerprint,
            size=size,
            resize=resize,
            note=note,
            skipped=skipped,
            statistics=statistics,
            has_own_val="val" in splits,
        )

    def split(self, name: str) -> ImageSource:
        """The images of `train`, `val` or `test`.

        Raises:
            UsageError: the data has none.
        """
        images = {"train": self.train, "val": self.val, "test": self.test}[name]
        if images is None or not len(images):
            splits = self.splits()  # one that was not trained on is named first
            ranked = [other for other in ("val", "test", "train") if other in splits]
            others = [other for other in ranked if other != name and len(splits[other])]
            hint = f"--split {others[0]}" if others else "name other data: data.root=DIR"
            raise UsageError(f"the data has no {name} set", hint=hint)
        return images

    def splits(self) -> dict[str, ImageSource]:
        """The splits by name, each set of images once even if it stands in for another."""
        splits: dict[str, ImageSource] = {}
        named = [("val", self.val), ("test", self.test)]
        if not self.has_own_val:
            named.reverse()
        for name, images in (("train", self.train), *named):
            is_repeated = any(images is other for other in splits.values())
            if images is not None and not is_repeated:
                splits[name] = images
        return splits


def digest(value: object) -> str:
    """A digest of plain data (numbers, strings, lists, mappings): 16 hexadecimal digits."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]
