"""Small images held in memory, created once and then cached on disk."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import cast

import numpy as np
import numpy.typing as npt

from alexcli.data.cache import Arrays, cached
from alexcli.data.dataset import Dataset, digest
from alexcli.data.images import ArrayImages, ImageSource, LocalImages


def cached_images(
    name: str, splits: Sequence[str], make: Callable[[str], ImageSource]
) -> dict[str, ArrayImages]:
    """Splits held in memory, created at first use and then read from the cache.

    Args:
        name: name of the file in the cache; it must identify the images.
        splits: names of the splits.
        make: returns the images of a split.
    """

    def make_arrays() -> Arrays:
        arrays: dict[str, npt.NDArray[np.generic]] = {}
        for split in splits:
            images = make(split)
            arrays[f"{split}_images"] = images.fetch(range(len(images)))
            arrays[f"{split}_labels"] = images.labels
        return arrays

    arrays = cached(name, make_arrays)
    return {
        split: ArrayImages(arrays[f"{split}_images"], arrays[f"{split}_labels"]) for split in splits
    }


def held_in_memory(dataset: Dataset) -> Dataset:
    """The data set with its training and validation images decoded once and held in memory.

    Opening 60,000 small files in every epoch would take longer than training on them. The images
    are files or arrays.
    """
    splits = {"train": cast(LocalImages, dataset.train), "val": cast(LocalImages, dataset.val)}
    if dataset.val is dataset.train:
        del splits["val"]
    stamps = [images.stamps() for images in splits.values()]  # of edited files of the same size
    name = f"images-{dataset.fingerprint}-{digest(stamps)}"
    images = cached_images(name, list(splits), lambda split: splits[split])
    val = images.get("val", images["train"])
    test = val if dataset.test is dataset.val else dataset.test
    return replace(dataset, train=images["train"], val=val, test=test)
