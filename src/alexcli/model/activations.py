"""What the layers of a net say of pictures. Legend: N pictures, T towers."""

import torch
from torch import Tensor

from alexcli.errors import UsageError
from alexcli.model.shapes import LayerShape
from alexcli.model.towers import Towers


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
