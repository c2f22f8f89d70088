"""The subject of an analysis: a net, and its data on demand.

Legend: N images, S side of a stored image, U units of a layer.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor

from alexcli.data.dataset import Dataset
from alexcli.data.images import ImageSource
from alexcli.data.transforms import Batch, Preprocess
from alexcli.model.activations import layer_outputs, with_layers
from alexcli.model.net import Net
from alexcli.reporter import NullReporter, Reporter
from alexcli.schema import LayerPoint


@dataclass
class SampleImages:
    """The images that an analysis shows."""

    pixels: Tensor
    """(N, S, S, 3) uint8, on the net's device."""
    files: list[str]
    """Path of each image, or its name in its data set."""
    labels: list[str | None]
    """Readable name of each image's true class, None if unknown; the net may not have the class."""


@dataclass
class Subject:
    """A net, and its data for the analyses that ask for them."""

    name: str
    """Name in captions: its run, or its model and seed."""
    net: Net
    """In evaluation mode, on its device."""
    preprocess: Preprocess
    """Turns stored images into the net's input; on the same device."""
    class_names: list[str]
    """Readable names of the classes, in the order of the outputs."""
    read_sample: Callable[[], SampleImages]
    """Reads and decodes the images to show at the first call; further calls return the same."""
    training_set: Callable[[], ImageSource]
    """Opens the training set, which need not fit in memory."""
    batches: Callable[[ImageSource], Iterator[Batch]]
    """Passes once over a set of images in order, on the net's device."""
    dataset: Callable[[str | None], Dataset]
    """Opens the class folders below a path, or with None the run's own data; the classes have
    readable names and may differ from the net's.
    """
    initial: Callable[[], Net]
    """The same net with initial weights drawn anew, in evaluation mode, on the same device."""
    before_training: Callable[[], Net | None]
    """The same net before its first step: as `initial`, with the weights that `init_from` copies;
    None for imported weights, for which it is unknown.
    """
    reporter: Reporter = field(default_factory=NullReporter)
    """Receives progress updates of slow steps."""

    def features(
        self,
        pixels: Tensor,
        layer: str,
        point: LayerPoint = LayerPoint.output,
        net: Net | None = None,
    ) -> Tensor:
        """A layer's outputs for the centre crops of images.

        Args:
            pixels: (N, S, S, 3) uint8.
            layer: the layer's name.
            point: where in the layer the outputs are taken.
            net: another net to use instead of this one.

        Returns:
            (N, U) float32.

        Raises:
            UsageError: torchvision built the net, or the layer lacks the activation at `point`.
        """
        x = self.preprocess.crop(pixels)
        with torch.no_grad():
            return layer_outputs(with_layers(net or self.net), x, layer, point).flatten(1)
