"""Small nets with images of noise, as an analysis gets them."""

import functools
from collections.abc import Iterator

import numpy as np
import torch

from alexcli.analysis.subject import SampleImages, Subject
from alexcli.data.arrays import IndexArray
from alexcli.data.dataset import Dataset
from alexcli.data.images import ArrayImages, ImageSource
from alexcli.data.transforms import Batch, Preprocess
from alexcli.model.towers import Towers
from alexcli.schema import TrainSpec
from tests.conftest import small

BATCH_SIZE = 16


def noise_images(count: int, *, size: int = 32, seed: int = 0) -> ArrayImages:
    """Images of noise whose classes, 0 to 9, take turns."""
    pixels = np.random.default_rng(seed).integers(0, 256, (count, size, size, 3), dtype=np.uint8)
    return ArrayImages(pixels, np.arange(count) % 10)


def tiny_subject(*overrides: str, shown: int = 3, training: int = 40) -> Subject:
    """A tiny net of ten classes with its initial weights.

    Args:
        overrides: of the quick start.
        shown: images of the sample; they are the first ones of the training set.
        training: images of the training set.
    """
    spec = _spec(*overrides)
    images = noise_images(training, size=spec.data.size)
    class_names = [f"class {index}" for index in range(spec.model.classes)]
    sample = SampleImages(
        pixels=torch.from_numpy(images.images[:shown]),
        files=[f"{index}.png" for index in range(shown)],
        labels=[class_names[index % 10] for index in range(shown)],
    )
    return Subject(
        name="tiny/s0",
        net=Towers(spec.model).eval(),
        preprocess=Preprocess(spec.augment, spec.model.input, None, spec.data.size),
        class_names=class_names,
        read_sample=lambda: sample,
        training_set=lambda: images,
        batches=_batches,
        dataset=lambda _: noise_dataset(images, class_names),
        initial=lambda: Towers(spec.model, seed=1).eval(),
        before_training=lambda: Towers(spec.model, seed=1).eval(),
    )


def noise_dataset(images: ArrayImages, classes: list[str]) -> Dataset:
    """A data set without a held-out split."""
    size = images.images.shape[1]
    return Dataset.from_splits(classes, {"train": images}, fingerprint="", size=size, resize="")


@functools.cache
def _spec(*overrides: str) -> TrainSpec:
    """The quick start, which takes longer to compose than its net to build."""
    return small(*overrides)


def _batches(images: ImageSource) -> Iterator[Batch]:
    indices: IndexArray = np.arange(len(images))
    for part in np.array_split(indices, -(-len(images) // BATCH_SIZE)):
        rows = torch.from_numpy(part)
        pixels = torch.from_numpy(images.fetch(part.tolist()))
        yield Batch(pixels, torch.from_numpy(images.labels[part]), rows, rows)
