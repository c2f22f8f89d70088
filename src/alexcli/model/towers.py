"""The two-tower net of section 3.5: towers that meet only at the layers that read all towers.

Legend: N images, T towers, K classes.
"""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from alexcli.errors import UsageError
from alexcli.model.exchange import Exchange, LocalExchange
from alexcli.model.init import initialize
from alexcli.model.joined import can_join, joined_layer
from alexcli.model.layers import LAYER_TYPES, Layer
from alexcli.model.net import Net
from alexcli.model.shapes import LayerShape, trace
from alexcli.rng import DropoutContext
from alexcli.schema import ModelSpec, TowersImpl


class Towers(Net):
    """A net of T towers, of which this process holds `local_towers`.

    Parameters are named `tower0.conv1.weight`: towers and layers, never devices.

    Args:
        spec: the net's specification.
        local_towers: numbers of the towers to hold, from 0; None for all of them.
        exchange: how towers read each other's outputs; None if all are in one memory.
        seed: seed of the initial weights.

    Raises:
        UsageError: the layers do not fit together (see `shapes.trace`), or one has the name of an
            attribute of torch's modules.
    """

    def __init__(
        self,
        spec: ModelSpec,
        *,
        local_towers: Iterable[int] | None = None,
        exchange: Exchange | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__(spec, list(range(spec.towers) if local_towers is None else local_towers))
        self.shapes: list[LayerShape] = trace(spec)
        self.exchange = exchange or LocalExchange()
        for tower in self.local_towers:
            self.add_module(f"tower{tower}", self._build_tower(tower, seed))
        self._can_join = self._has_all_in_one_memory() and all(
            can_join(self._layers(shape), shape) for shape in self.shapes
        )

    def _build_tower(self, tower: int, seed: int) -> nn.ModuleDict:
        """One tower's share of every layer, with its initial weights."""
        layers = nn.ModuleDict()
        for shape in self.shapes:
            if hasattr(layers, shape.name):
                raise UsageError(
                    f"model.layers has a layer {shape.name!r}, a name that torch takes itself",
                    hint="a name such as conv1 or fc6",
                )
            layer = LAYER_TYPES[shape.spec.kind](shape, self.spec, tower)
            initialize(layer, shape, self.spec, tower=tower, seed=seed)
            layers[shape.name] = layer
        return layers

    def _has_all_in_one_memory(self) -> bool:
        """Whether there are several towers, all in the memory of this process."""
        several = self.spec.towers == len(self.local_towers) > 1
        return several and isinstance(self.exchange, LocalExchange)

    def _layers(self, shape: LayerShape) -> list[Layer]:
        """Each tower's share of a layer, for the towers of this process."""
        return [self.layer(tower, shape.name) for tower in self.local_towers]

    def layer(self, tower: int, name: str) -> Layer:
        """One tower's share of the layer of that name."""
        layer = self.get_submodule(f"tower{tower}.{name}")
        assert isinstance(layer, Layer)
        return layer

    def whole(self) -> "Towers":
        """A net of the same specification that holds all towers."""
        return Towers(self.spec)

    def forward(self, x: Tensor, context: DropoutContext | None = None) -> Tensor:
        """Class scores before the softmax.

        Args:
            x: (N, channels, size, size) float, images as `Preprocess` makes them.
            context: place in training, which dropout needs in training mode.

        Returns:
            (N, K) float.
        """
        if x.dim() == 4:  # products, norms and pooling are faster in channels-last order
            x = x.contiguous(memory_format=torch.channels_last)
        if self._joins(x):
            for shape in self.shapes:
                x = joined_layer(self._layers(shape), shape, x, context)
            return x
        outputs = self.exchange.broadcast(x, self.local_towers)
        for shape in self.shapes:
            if shape.reads_other_towers:
                outputs = self.exchange.gather(outputs)
            outputs = [
                self.layer(tower, shape.name)(output, context)
                for tower, output in zip(self.local_towers, outputs, strict=True)
            ]
        return self.exchange.reduce(outputs)

    def _joins(self, x: Tensor) -> bool:
        """Whether the towers are computed together: in training, where separate calls cost most."""
        if torch.compiler.is_compiling() or torch.compiler.is_exporting():
            return False
        return (
            self._can_join
            and self.spec.joined is TowersImpl.auto
            and self.training
            and x.device.type == "cpu"
        )
