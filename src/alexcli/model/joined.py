"""One layer of all towers at once, for small nets whose towers share one memory.

An operator on a small map takes less time than torch's overhead per call. Computing all towers in
one operator saves calls: a step of the quick start on two cores is 1.2 times as fast. The towers
do not change: each has its own parameters, its kernels read its own channels, and its norms end at
its border.

Legend: N images, C channels and U units of all towers, T towers.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from alexcli.model.layers import Conv, Fc, Layer
from alexcli.model.lrn import LocalResponseNorm
from alexcli.model.ops import Dropout
from alexcli.model.shapes import LayerShape
from alexcli.rng import DropoutContext

MOST_ELEMENTS = 1 << 14
"""Elements of the largest map (one image, all towers) that is joined: on larger maps the
operators' work outweighs the cost of calling them.
"""


def can_join(layers: Sequence[Layer], shape: LayerShape) -> bool:
    """Whether all towers' shares of a layer can be computed at once.

    Args:
        layers: one for each tower, in order.
        shape: the layer's shape, over all towers.
    """
    layer = layers[0]
    if shape.out_channels * shape.out_size**2 > MOST_ELEMENTS:
        return False
    if any(isinstance(op, nn.RReLU) or list(op.parameters()) for op in layer.ops.values()):
        return False  # RReLU draws numbers in order; an op's parameters belong to one tower
    reads_all = _reads_all(shape)
    if isinstance(layer, Conv):
        # A group of channels would need kernels of every tower, which are not contiguous.
        return not shape.last and not (reads_all and layer.groups > 1)
    if isinstance(layer, Fc):
        # In the last layer the towers' partial class scores are summed.
        return not (reads_all or layer.ops) if shape.last else reads_all
    return False


def joined_layer(
    layers: Sequence[Layer], shape: LayerShape, x: Tensor, context: DropoutContext | None
) -> Tensor:
    """The layer's outputs of all towers, concatenated along dimension 1.

    Args:
        layers: one for each tower, in order, for which `can_join` holds.
        shape: the layer's shape, over all towers.
        x: (N, C, H, W) or (N, U), the outputs of all towers, or the image.
        context: place in training, which dropout needs in training mode.

    Returns:
        (N, C, H, W) or (N, U); of the last layer the class scores.
    """
    layer = layers[0]
    x = _convolve(layers, shape, x) if isinstance(layer, Conv) else _multiply(layers, shape, x)
    for op in layer.ops.values():
        if isinstance(op, Dropout):
            x = op(x, context)  # the first tower's units come first in the layer
        elif isinstance(op, LocalResponseNorm):
            x = _norm_by_tower(op, x, len(layers))
        else:
            x = op(x)
    return x


def _reads_all(shape: LayerShape) -> bool:
    """Whether all towers read the same input: the image, or the outputs of all towers."""
    return shape.first or shape.reads_other_towers


def _convolve(layers: Sequence[Layer], shape: LayerShape, x: Tensor) -> Tensor:
    """The convolution with the kernels of all towers."""
    layer = layers[0]
    assert isinstance(layer, Conv)
    groups = 1 if _reads_all(shape) else layer.groups * len(layers)
    weight = torch.cat([layer.weight for layer in layers])
    return layer.convolve(x, weight, _joined_bias(layers), groups)


def _multiply(layers: Sequence[Layer], shape: LayerShape, x: Tensor) -> Tensor:
    """The product with the weights of all towers."""
    if shape.last:  # the towers read different units and add to the same scores
        weight = torch.cat([layer.weight for layer in layers], dim=1)
        return F.linear(x.flatten(1), weight, layers[0].bias)
    weight = torch.cat([layer.weight for layer in layers])
    return F.linear(x.flatten(1), weight, _joined_bias(layers))


def _joined_bias(layers: Sequence[Layer]) -> Tensor:
    """The biases of all towers, (C,)."""
    return torch.cat([layer.bias for layer in layers if layer.bias is not None])


def _norm_by_tower(norm: LocalResponseNorm, x: Tensor, towers: int) -> Tensor:
    """The response norm within each tower's channels."""
    if x.dim() == 2:
        rows: Tensor = norm(x.reshape(len(x) * towers, -1))
        return rows.view_as(x)
    pixels = x.permute(0, 2, 3, 1)  # channels-last, so that a tower's channels are contiguous
    rows = norm(pixels.reshape(-1, x.shape[1] // towers))
    return rows.view(pixels.shape).permute(0, 3, 1, 2)
