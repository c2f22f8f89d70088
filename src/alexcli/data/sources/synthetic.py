"""Source `synthetic`: images generated in about a second, without any download."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import Self

import numpy as np

from alexcli.data import synthetic
from alexcli.data.arrays import ImageArray, IndexArray, LabelArray
from alexcli.data.dataset import Dataset, digest
from alexcli.data.images import ArrayImages, ImageSource
from alexcli.data.sources.in_memory import cached_images
from alexcli.data.synthetic import PLAIN, Scene
from alexcli.errors import UsageError
from alexcli.reporter import Reporter
from alexcli.schema import DataSpec, SceneSpec


def open_splits(
    spec: DataSpec, _reporter: Reporter, _net_classes: Sequence[str] | None = None
) -> Dataset:
    """Generate the training and validation images, or read them from the cache.

    The test images, of which there are many, are drawn when the first of them is fetched.

    Args:
        spec: their counts, size, seed and scene.

    Raises:
        UsageError: `data.root` or `data.download` is set, which would have no effect; a range of
            contrasts is invalid.
    """
    if spec.root is not None or spec.download:
        raise UsageError(
            "data=synthetic generates its images: it takes neither data.root nor data.download",
            hint="data=folder data.root=DIR, or experiment=imagenette data.root=DIR",
        )
    scene = _training_scene(spec.scene)
    held_out = _held_out_scene(spec.scene)
    counts = {"train": spec.train_count, "val": spec.val_count}
    identity = digest(
        ["synthetic", synthetic.VERSION, spec.size, counts, spec.seed, *_parts([scene, held_out])]
    )

    def draw(split: str) -> ImageSource:
        split_scene = scene if split == "train" else held_out
        images, labels = synthetic.draw(
            split, counts[split], size=spec.size, seed=spec.seed, scene=split_scene
        )
        return ArrayImages(images, labels)

    splits: dict[str, ImageSource] = {**cached_images(f"synthetic-{identity}", list(counts), draw)}
    splits["test"] = DrawnImages("test", spec.test_count, spec.size, spec.seed, held_out)
    return Dataset.from_splits(
        list(synthetic.CLASSES),
        splits,
        fingerprint=identity,
        size=spec.size,
        resize=f"generated at {spec.size}",
    )


@dataclass
class DrawnImages(ImageSource):
    """Synthetic images that are drawn, all at once, when the first of them is fetched."""

    split: str
    count: int
    size: int
    seed: int
    scene: Scene
    rows: IndexArray | None = None
    """Positions of these images among all; None for all."""
    labels: LabelArray = field(init=False)

    def __post_init__(self) -> None:
        labels = np.arange(self.count, dtype=np.int64) % len(synthetic.CLASSES)
        self.labels = labels if self.rows is None else labels[self.rows]

    @cached_property
    def images(self) -> ImageArray:
        """(N, size, size, 3) uint8."""
        images, _ = synthetic.draw(
            self.split, self.count, size=self.size, seed=self.seed, scene=self.scene
        )
        return images if self.rows is None else images[self.rows]

    def fetch(self, indices: Sequence[int]) -> ImageArray:
        """Copies of the images at these positions."""
        return np.take(self.images, indices, axis=0)

    def names(self) -> list[str]:
        """The number of each image."""
        return [str(index) for index in range(len(self))]

    def subset(self, rows: IndexArray) -> Self:
        """The images at these positions, in this order."""
        return replace(self, rows=rows if self.rows is None else self.rows[rows])


def _training_scene(spec: SceneSpec) -> Scene:
    contrast = _range_of("data.scene.contrast", spec.contrast)
    return Scene(spec.noise, contrast, spec.illuminant, spec.grid)


def _held_out_scene(spec: SceneSpec) -> Scene:
    """The scene of validation and test: that of training, except for the keys that are set."""
    contrast = spec.contrast if spec.held_out_contrast is None else spec.held_out_contrast
    illuminant = spec.illuminant if spec.held_out_illuminant is None else spec.held_out_illuminant
    grid = spec.grid if spec.held_out_grid is None else spec.held_out_grid
    contrast_range = _range_of("data.scene.held_out_contrast", contrast)
    return Scene(spec.noise, contrast_range, illuminant, grid)


def _range_of(key: str, values: Sequence[float]) -> tuple[float, float]:
    """Two factors in ascending order; UsageError otherwise."""
    if len(values) == 2 and 0 <= values[0] <= values[1]:
        return float(values[0]), float(values[1])
    raise UsageError(
        f"{key}={list(values)} is not a range of factors: the smaller, then the larger",
        hint=f"for instance {key}=[0.5,1]",
    )


def _parts(scenes: Sequence[Scene]) -> list[dict[str, object]]:
    """The identity of scenes; empty for the plain one, so that new keys rename no images."""
    if all(scene == PLAIN for scene in scenes):
        return []
    return [asdict(scene) for scene in scenes]
