"""Layers of a net by name, and their outputs for a batch of images."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from alexcli.errors import UsageError, nearest
from alexcli.model.layers import Layer
from alexcli.model.net import Net
from alexcli.model.shapes import LayerShape, unknown_layers
from alexcli.model.towers import Towers
from alexcli.schema import LayerPoint


def with_layers(net: Net) -> Towers:
    """The net itself, typed as one whose layers have names.

    Raises:
        UsageError: torchvision built the net.
    """
    if not isinstance(net, Towers):
        raise unknown_layers(net.spec)
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
    """Outputs of layers, after all ops that follow their products.

    Args:
        net: a net that holds all towers.
        x: (N, channels, size, size) float, as the net takes it.
        layers: names of the layers.

    Returns:
        By layer (N, C, H, W) or (N, U) float32 without gradient, the towers' outputs concatenated
        in order; those of the last layer are the class scores.
    """
    with torch.no_grad(), recording(net, layers) as outputs:
        net(x)
    return {name: _of_all_towers(net, name, parts) for name, parts in outputs.items()}


def layer_outputs(net: Towers, x: Tensor, layer: str, point: LayerPoint) -> Tensor:
    """The outputs of one layer, taken at any point in it.

    Args:
        net: a net that holds all towers.
        x: (N, channels, size, size) float, as the net takes it.
        layer: its name.
        point: where its outputs are taken.

    Returns:
        (N, C, H, W) or (N, U) float32, the towers' outputs concatenated in order; those of the last
        layer are the class scores. With gradients enabled, they have one.

    Raises:
        UsageError: `point` is `activation`, and the layer has none.
    """
    with recording(net, [layer], point) as outputs:
        net(x)
    return _of_all_towers(net, layer, outputs[layer])


def _of_all_towers(net: Towers, layer: str, parts: list[Tensor]) -> Tensor:
    """A layer's outputs as float32, from those of each tower: concatenated, or summed if last."""
    if layer == net.shapes[-1].name:
        return torch.stack(parts).sum(dim=0).float()
    return torch.cat(parts, dim=1).float()


@contextlib.contextmanager
def recording(
    net: Towers, layers: list[str], point: LayerPoint = LayerPoint.output
) -> Iterator[dict[str, list[Tensor]]]:
    """Record outputs of layers during the forward passes in the block, one tensor per tower.

    With gradients enabled, they are the same tensors that the class scores are computed from.

    Args:
        net: a net that holds all towers.
        layers: names of the layers.
        point: where each layer's outputs are taken.

    Raises:
        UsageError: `point` is `activation`, and a layer has none.
    """
    outputs: dict[str, list[Tensor]] = {name: [] for name in layers}
    with contextlib.ExitStack() as stack:
        for name in layers:
            for tower in net.local_towers:
                layer = net.layer(tower, name)
                stack.enter_context(_record(layer, name, point, outputs[name]))
        yield outputs


@contextlib.contextmanager
def _record(layer: Layer, name: str, point: LayerPoint, outputs: list[Tensor]) -> Iterator[None]:
    """Append the outputs of one tower's share of a layer to a list."""
    ops = list(layer.ops.values())
    if point is LayerPoint.activation and "act" not in layer.ops:
        raise UsageError(
            f"layer {name} has no activation function", hint="take its product, or another layer"
        )
    if point is LayerPoint.product and ops:
        hook = ops[0].register_forward_pre_hook(_append_input_to(outputs))
    elif point is LayerPoint.activation:
        hook = layer.ops["act"].register_forward_hook(_append_output_to(outputs))
    else:
        hook = layer.register_forward_hook(_append_output_to(outputs))
    # A fused operator would bypass the modules that it replaces, and their hooks.
    apart = contextlib.nullcontext() if point is LayerPoint.output else layer.ops_apart()
    try:
        with apart:
            yield
    finally:
        hook.remove()


def _append_output_to(outputs: list[Tensor]) -> Callable[[nn.Module, object, Tensor], None]:
    """A forward hook that appends a module's output to a list."""

    def hook(_module: nn.Module, _inputs: object, output: Tensor) -> None:
        outputs.append(output)

    return hook


def _append_input_to(outputs: list[Tensor]) -> Callable[[nn.Module, tuple[Any, ...]], Tensor]:
    """A hook that appends a module's input to a list."""

    def hook(_module: nn.Module, inputs: tuple[Any, ...]) -> Tensor:
        x: Tensor = inputs[0]
        outputs.append(x)
        return x.clone()  # an activation may overwrite it in place

    return hook
