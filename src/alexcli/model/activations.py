"""Layers of a net by name, and their outputs for a batch of images."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from alexcli.errors import UsageError, nearest
from alexcli.model.net import Net
from alexcli.model.shapes import LayerShape
from alexcli.model.towers import Towers


def with_layers(net: Net) -> Towers:
    """The net itself, typed as one whose layers can be asked for by name.

    Raises:
        UsageError: torchvision built the net.
    """
    if not isinstance(net, Towers):
        raise UsageError(
            f"model {net.spec.name!r} is torchvision's: its layers are not known here",
            hint="alexcli analyze compare has published counts; predictions and saliency work "
            "with any net",
        )
    return net


def find_layer(net: Towers, name: str) -> LayerShape:
    """The shape of the layer of that name.

    Raises:
        UsageError: the net has no such layer.
    """
    shapes = {shape.name: shape for shape in net.shapes}
    if name not in shapes:
        near = nearest(name, shapes)
        raise UsageError(
            f"layer={name} does not exist; {net.spec.name} has {', '.join(shapes)}",
            hint=f"did you mean layer={near}?" if near else f"layer={net.shapes[0].name}",
        )
    return shapes[name]


def last_hidden_layer(net: Towers) -> LayerShape:
    """The shape of the layer before the class scores, or of the only layer."""
    return net.shapes[max(0, len(net.shapes) - 2)]


def activations(net: Towers, x: Tensor, layers: list[str]) -> dict[str, Tensor]:
    """Outputs of layers, after all the ops that follow their products.

    Args:
        net: a net that holds all towers.
        x: (N, channels, size, size) float, as the net takes it.
        layers: names of the layers.

    Returns:
        By layer (N, C, H, W) or (N, U) float32 without gradient, the towers' outputs concatenated
        in order; those of the last layer are the towers' partial class scores.
    """
    outputs: dict[str, list[Tensor]] = {name: [] for name in layers}
    hooks = [
        net.layer(tower, name).register_forward_hook(_append_output_to(outputs[name]))
        for name in layers
        for tower in net.local_towers
    ]
    try:
        with torch.no_grad():
            net(x)
    finally:
        for hook in hooks:
            hook.remove()
    return {name: torch.cat(parts, dim=1) for name, parts in outputs.items()}


def _append_output_to(outputs: list[Tensor]) -> Callable[[nn.Module, object, Tensor], None]:
    """A forward hook that appends a layer's output to a list."""

    def hook(_layer: nn.Module, _inputs: object, output: Tensor) -> None:
        outputs.append(output.float())

    return hook
