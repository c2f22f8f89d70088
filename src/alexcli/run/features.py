"""Features: the outputs of a layer for images of any origin, a batch at a time.

Legend: N images, S stored side.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from alexcli.errors import RunFailedError, UsageError, plural
from alexcli.model.activations import find_layer, last_hidden_layer, layer_outputs, with_layers
from alexcli.records.features import FeatureBatch
from alexcli.reporter import Reporter
from alexcli.run.predict import UNREADABLE_HINT, find_images, labels_of_files, read_batch
from alexcli.run.trained import TrainedModel
from alexcli.schema import LayerPoint


class LabelledFile(NamedTuple):
    """An image file below a path that the user named."""

    file: Path
    folder: str | None
    """Name of its class folder, which lies below the folder that was named; None without one."""


def find_labelled(paths: Sequence[Path]) -> list[LabelledFile]:
    """The image files that paths name, and those in the folders that paths name.

    Raises:
        UsageError: a path that does not exist, or a folder without images.
    """
    return [
        LabelledFile(file, None if file.parent in (path, path.parent) else file.parent.name)
        for path in paths
        for file in find_images([path])
    ]


class FeatureExtractor:
    """Computes a layer's outputs as features of images, from their centre crops.

    Args:
        trained: the net.
        layer: its name; None for the last hidden one.
        point: where in the layer its outputs are taken.

    Raises:
        UsageError: the net has no such layer, or `point` asks for an activation that it lacks.
    """

    def __init__(self, trained: TrainedModel, layer: str | None, point: LayerPoint) -> None:
        self.trained = trained
        self.net = with_layers(trained.net)
        shape = last_hidden_layer(self.net) if layer is None else find_layer(self.net, layer)
        self.layer = shape.name
        self.point = point
        if point is LayerPoint.activation and "act" not in shape.spec.ops:
            raise UsageError(
                f"layer {self.layer} of {trained.name} has no activation function",
                hint="--at product",
            )

    @torch.no_grad()
    def __call__(self, pixels: Tensor) -> Tensor:
        """The features of images.

        Args:
            pixels: (N, S, S, 3) uint8, on the net's device.

        Returns:
            (N, U) or (N, C, H, W) float32, on the same device.

        Raises:
            RunFailedError: the device's memory does not hold a forward pass.
        """
        limit = self.trained.spec.eval.max_batch
        try:
            parts = [
                layer_outputs(self.net, self.trained.preprocess.crop(part), self.layer, self.point)
                for part in torch.split(pixels, limit)
            ]
        except torch.OutOfMemoryError as error:
            raise RunFailedError(
                f"the device's memory does not hold a forward pass of {plural(limit, 'image')}",
                hint=f"eval.max_batch={max(1, limit // 4)}",
            ) from error
        return torch.cat(parts)

    def of_files(
        self,
        listed: Sequence[LabelledFile],
        reporter: Reporter,
        unreadable: list[str] | None = None,
    ) -> Iterator[FeatureBatch]:
        """The features of image files, in their order.

        The label of an image is the class of the net after which its folder is named, or else the
        name of its class folder.

        Args:
            listed: from `find_labelled`.
            reporter: receives progress updates.
            unreadable: receives a message for each file that is not an image; None refuses it.

        Raises:
            UsageError: a file, or with `unreadable` every file, is not an image.
        """
        trained = self.trained
        files = [image.file for image in listed]
        classes = labels_of_files(trained, files, None, reporter)
        labels = [
            image.folder if index is None else trained.classes[index]
            for index, image in zip(classes, listed, strict=True)
        ]
        batch_size = trained.spec.eval.batch_size
        for start in range(0, len(files), batch_size):
            numbers = range(start, min(start + batch_size, len(files)))
            chosen, pixels = read_batch(trained, files, numbers, unreadable)
            if chosen:
                images = torch.from_numpy(np.stack(pixels)).to(trained.placement.device)
                yield FeatureBatch(
                    [str(files[number]) for number in chosen],
                    [labels[number] for number in chosen],
                    self(images).cpu().numpy(),
                )
            reporter.progress("computing features", start + len(numbers), len(files))
        reporter.close()
        if unreadable is not None and len(unreadable) == len(files):
            raise UsageError(unreadable[0], hint=UNREADABLE_HINT)

    def of_split(self, split: str, reporter: Reporter) -> Iterator[FeatureBatch]:
        """The features of a split of the net's own data, in the order of the data.

        Args:
            split: train, val or test.
            reporter: receives progress updates.

        Raises:
            UsageError: bad data, or data without that split.
        """
        trained = self.trained
        dataset = trained.open_data(reporter, split)
        images = dataset.split(split)
        names = images.names()
        for batch in trained.batches(images):
            indices = batch.indices.tolist()
            yield FeatureBatch(
                [names[index] for index in indices],
                [dataset.classes[label] for label in batch.labels.tolist()],
                self(batch.images).cpu().numpy(),
            )
            reporter.progress("computing features", int(batch.positions[-1]) + 1, len(images))
        reporter.close()
