"""The two-tower net of section 3.5: towers that meet only at the layers that see all.

Legend: N pictures, T towers, K classes.
"""

from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor, nn

from alexcli.draws import At, key
from alexcli.errors import UsageError
from alexcli.model.layers import LAYERS, Layer
from alexcli.model.shapes import LayerShape, trace
from alexcli.schema import Init, ModelSpec


class Exchange:
    """How towers meet: here all in one memory, by a concatenation; placements have other ways."""

    def spread(self, x: Tensor, towers: Sequence[int]) -> list[Tensor]:
        """The net's input for each owned tower: the same tensor for all."""
        return [x] * len(towers)

    def gather(self, acts: Sequence[Tensor]) -> list[Tensor]:
        """For each owned tower, the outputs of all towers, concatenated along dimension 1.

        Concatenates once and hands the same tensor to every tower.
        """
        return [torch.cat(list(acts), dim=1)] * len(acts)

    def reduce(self, parts: Sequence[Tensor]) -> Tensor:
        """The sum of all towers' partial class scores, (N, K), in the order of the towers."""
        return sum(parts[1:], parts[0])


class Towers(nn.Module):
    """A net of T towers of which this process holds `mine`.

    Parameters are named `tower0.conv1.weight`: towers and layers, never devices.

    Args:
        spec: the net.
        mine: towers to hold; None for all.
        exchange: how they meet; None when all are held in one memory.
        seed: of the initial weights.

    Raises:
        UsageError: the specification does not fit together (see `shapes.trace`).
    """

    def __init__(
        self,
        spec: ModelSpec,
        *,
        mine: Iterable[int] | None = None,
        exchange: Exchange | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.spec = spec
        self.shapes: list[LayerShape] = trace(spec)
        self.mine = list(range(spec.towers) if mine is None else mine)
        self.exchange = exchange or Exchange()
        for tower in self.mine:
            built = {s.name: LAYERS[s.spec.kind](s, spec, tower) for s in self.shapes}
            for shape in self.shapes:
                initialize(built[shape.name], shape, spec, tower=tower, seed=seed)
            self.add_module(f"tower{tower}", nn.ModuleDict(built))

    def layer(self, tower: int, name: str) -> Layer:
        """One tower's share of a layer."""
        layer = self.get_submodule(f"tower{tower}.{name}")
        assert isinstance(layer, Layer)
        return layer

    def without_others(self, state: Mapping[str, Tensor], prefix: str = "") -> dict[str, Tensor]:
        """A state dict without the towers that this process does not hold."""
        others = [tower for tower in range(self.spec.towers) if tower not in self.mine]
        skipped = tuple(f"{prefix}tower{tower}." for tower in others)
        return {name: value for name, value in state.items() if not name.startswith(skipped)}

    def forward(self, x: Tensor, at: At | None = None) -> Tensor:
        """Class scores before the softmax.

        Args:
            x: (N, channels, size, size) float, centred pixels on the 0-255 scale.
            at: place in training, which dropout needs in training mode.

        Returns:
            (N, K) float.
        """
        if x.dim() == 4:  # the faster order of memory for products, norms and pooling
            x = x.contiguous(memory_format=torch.channels_last)
        acts = self.exchange.spread(x, self.mine)
        for shape in self.shapes:
            if shape.exchanged:
                acts = self.exchange.gather(acts)
            acts = [
                self.layer(tower, shape.name)(act, at)
                for tower, act in zip(self.mine, acts, strict=True)
            ]
        return self.exchange.reduce(acts)


def initialize(layer: Layer, shape: LayerShape, spec: ModelSpec, *, tower: int, seed: int) -> None:
    """Draw the weights and set the biases of a layer, as a pure function of (seed, tower, name).

    | rule     | weights                                     | biases                   |
    |----------|---------------------------------------------|--------------------------|
    | gaussian | N(0, layer's std), section 5 and 2012 code  | layer's bias, section 5  |
    | he       | N(0, 2 / fan-in), He et al. 2015            | layer's bias             |
    | torch    | U(-1, 1) / sqrt(fan-in), torch's default    | the same distribution    |

    Slopes of prelu and constants of batch norm keep their own defaults.
    """
    generator = torch.Generator().manual_seed(key("init", seed, tower, shape.name) >> 1)
    fan_in = shape.fan_in * (spec.towers if shape.last else 1)
    if spec.init is Init.torch:
        bound = fan_in**-0.5
        for parameter in layer.parameters(recurse=False):
            nn.init.uniform_(parameter, -bound, bound, generator)
        return
    std = shape.spec.std if spec.init is Init.gaussian else (2 / fan_in) ** 0.5
    nn.init.normal_(layer.weight, 0, std, generator)
    if layer.bias is not None:
        nn.init.constant_(layer.bias, shape.spec.bias)


def named_in_full(net: Towers) -> list[tuple[str, nn.Parameter]]:
    """Every parameter of the whole net by name, in the whole net's order.

    Those of towers that are held elsewhere are stand-ins without memory, which never have a
    gradient. An optimizer over all of them numbers its state alike in every process.
    """
    own = dict(net.named_parameters())
    with torch.device("meta"):
        whole = type(net)(net.spec)
    return [(name, own.get(name, stand_in)) for name, stand_in in whole.named_parameters()]


def find_layer(net: Towers, name: str | None, *, hidden: bool = False) -> LayerShape:
    """A layer by its name; without one the first, or the last hidden one.

    Raises:
        UsageError: there is none of that name.
    """
    shapes = {shape.name: shape for shape in net.shapes}
    name = name or net.shapes[-2 if hidden and len(shapes) > 1 else 0].name
    if name not in shapes:
        raise UsageError.of("model.no_layer", word=name, known=shapes, net=net, first=net.shapes[0])
    return shapes[name]


def activations(net: Towers, x: Tensor, layers: list[str]) -> dict[str, Tensor]:
    """Outputs of layers with all that follows the product: act, norm, pool, dropout.

    Args:
        net: holds all towers.
        x: (N, channels, size, size), as the net takes it.
        layers: names.

    Returns:
        By layer (N, C, H, W) or (N, U) float32, towers one after the other; the last layer's are
        the towers' parts of the class scores. No gradient.
    """
    found: dict[str, list[Tensor]] = {name: [] for name in layers}
    hooks = [
        net.layer(tower, name).register_forward_hook(
            lambda _layer, _inputs, output, kept=found[name]: kept.append(output.float())
        )
        for name in layers
        for tower in net.mine
    ]
    with torch.no_grad():
        net(x)
    for hook in hooks:
        hook.remove()
    return {name: torch.cat(parts, dim=1) for name, parts in found.items()}
