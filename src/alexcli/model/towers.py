"""The two-tower net of section 3.5: towers that meet only at the layers that read all towers.

Legend: N images, T towers, K classes.
"""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from alexcli.model.exchange import Exchange, LocalExchange
from alexcli.model.init import initialize
from alexcli.model.layers import LAYER_TYPES, Layer
from alexcli.model.net import Net
from alexcli.model.shapes import LayerShape, trace
from alexcli.rng import DropoutContext
from alexcli.schema import ModelSpec


class Towers(Net):
    """A net of T towers of which this process holds `local_towers`.

    Parameters are named `tower0.conv1.weight`: towers and layers, never devices.

    Args:
        spec: the net's specification.
        local_towers: numbers of the towers to hold, from 0; None for all of them.
        exchange: how towers read each other's outputs; None when all are held in one memory.
        seed: seed of the initial weights.

    Raises:
        UsageError: the layers do not fit together (see `shapes.trace`).
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

    def _build_tower(self, tower: int, seed: int) -> nn.ModuleDict:
        """One tower's share of every layer, with its initial weights."""
        layers = nn.ModuleDict()
        for shape in self.shapes:
            layer = LAYER_TYPES[shape.spec.kind](shape, self.spec, tower)
            initialize(layer, shape, self.spec, tower=tower, seed=seed)
            layers[shape.name] = layer
        return layers

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
            x: (N, channels, size, size) float, centred pixels on the 0-255 scale.
            context: place in training, which dropout needs in training mode.

        Returns:
            (N, K) float.
        """
        if x.dim() == 4:  # products, norms and pooling are faster in this order of memory
            x = x.contiguous(memory_format=torch.channels_last)
        outputs = self.exchange.broadcast(x, self.local_towers)
        for shape in self.shapes:
            if shape.reads_other_towers:
                outputs = self.exchange.gather(outputs)
            outputs = [
                self.layer(tower, shape.name)(output, context)
                for tower, output in zip(self.local_towers, outputs, strict=True)
            ]
        return self.exchange.reduce(outputs)
