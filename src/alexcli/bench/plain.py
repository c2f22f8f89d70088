"""One of our nets as a user of plain PyTorch would write it, with torch's own operators.

Legend: N images, C channels over all towers, H = W side of a feature map, T towers.
"""

from collections import OrderedDict

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from alexcli.model.shapes import LayerShape, active_ops, trace
from alexcli.model.towers import Towers
from alexcli.schema import (
    Activation,
    Kind,
    LrnConvention,
    LrnSpec,
    ModelSpec,
    Norm,
    Op,
    PoolKind,
    PoolSpec,
    Rounding,
    SpatialLrnSpec,
)


class TowerNorm(nn.LocalResponseNorm):
    """torch's norm on the channels of each tower alone (section 3.5).

    Args:
        towers: T.
        spec: our constants; alpha is converted, because torch divides it by the window's size.
    """

    def __init__(self, towers: int, spec: LrnSpec) -> None:
        alpha = spec.alpha if spec.convention is LrnConvention.code else spec.alpha * spec.size
        super().__init__(spec.size, alpha, spec.beta, spec.k)
        self.towers = towers

    def forward(self, x: Tensor) -> Tensor:
        """x (N, C, H, W) -> the same shape."""
        images, channels, height, width = x.shape
        # A view in torch's default memory order, with towers as separate images.
        parts = x.reshape(images * self.towers, channels // self.towers, height, width)
        normed: Tensor = super().forward(parts)
        return normed.view(x.shape)


class SpatialNorm(nn.Module):
    """The spatial norm of the 2012 code by torch's average pooling.

    Args:
        spec: its constants; the window's side is odd.
    """

    def __init__(self, spec: SpatialLrnSpec) -> None:
        super().__init__()
        assert spec.size % 2
        # count_include_pad is torch's default: the mean counts zeros outside the feature map.
        self.pool = nn.AvgPool2d(spec.size, stride=1, padding=spec.size // 2)
        self.alpha = spec.alpha
        self.beta = spec.beta

    def forward(self, x: Tensor) -> Tensor:
        """x (N, C, H, W) -> the same shape."""
        means: Tensor = self.pool(x * x)
        return x / (1 + self.alpha * means) ** self.beta


class LocallyConnected(nn.Module):
    """A convolution whose weights differ at each position, for which torch has no module.

    Args:
        shape: the layer's shape. `weight` and `bias` have the shapes of our own layer's.
    """

    def __init__(self, shape: LayerShape) -> None:
        super().__init__()
        self.kernel = shape.spec.kernel
        self.pad = shape.spec.pad
        self.stride = shape.spec.stride
        side = shape.out_size
        self.weight = nn.Parameter(torch.zeros(side**2, shape.out_channels, shape.fan_in))
        self.bias = nn.Parameter(torch.zeros(shape.out_channels, side, side))

    def forward(self, x: Tensor) -> Tensor:
        """x (N, C_in, H_in, W_in) -> (N, C, H, W)."""
        patches = F.unfold(x, self.kernel, padding=self.pad, stride=self.stride)
        # One product per position: (H * W, N, fan-in) x (H * W, fan-in, C).
        sums = torch.bmm(patches.permute(2, 0, 1), self.weight.transpose(1, 2))
        return sums.permute(1, 2, 0).reshape(-1, *self.bias.shape) + self.bias


def plain_net(model: ModelSpec) -> nn.Sequential:
    """The net in one branch: towers are groups of a convolution.

    Dropout is torch's, which rescales in training. Apart from that it computes what ours computes,
    with the weights that `copy_weights` copies.

    Args:
        model: a net of ReLUs without batch norm. No window reaches past the padding of its input,
            fully connected layers read all towers, and an unshared layer is in a single tower.
    """
    assert model.activation is Activation.relu
    modules: OrderedDict[str, nn.Module] = OrderedDict()
    channels = model.input.channels
    for shape in trace(model):
        if shape.spec.kind is Kind.fc and "flatten" not in modules:
            modules["flatten"] = nn.Flatten()
        modules[shape.name] = _build_product(shape, channels)
        for op, _ in active_ops(model, shape):
            modules[f"{shape.name}_{op.value}"] = _build_op(op, shape, model)
        channels = shape.out_channels
    return nn.Sequential(modules)


def _build_product(shape: LayerShape, channels: int) -> nn.Module:
    """The module of a layer's product.

    Args:
        shape: the layer's shape.
        channels: of its input, over all towers.
    """
    spec = shape.spec
    if spec.kind is Kind.fc:
        assert shape.last or shape.towers == 1 or shape.reads_other_towers
        # Each tower adds its units' part to the class scores: one product over all units.
        in_units = shape.in_channels * shape.towers if shape.last else shape.in_channels
        return nn.Linear(in_units, shape.out_channels)
    assert (shape.out_size - 1) * spec.stride + spec.kernel <= shape.in_size + 2 * spec.pad
    groups = channels // shape.in_channels * spec.groups
    if spec.kind is Kind.local:
        assert groups == 1
        return LocallyConnected(shape)
    return nn.Conv2d(
        channels, shape.out_channels, spec.kernel, spec.stride, spec.pad, groups=groups
    )


def _build_op(op: Op, shape: LayerShape, model: ModelSpec) -> nn.Module:
    """The module of an op that follows a layer's product."""
    match op:
        case Op.act:
            return nn.ReLU(inplace=True)
        case Op.pool:
            return _build_pool(shape.spec.pool or model.pool, model.rounding)
        case Op.dropout:
            return nn.Dropout(model.dropout.rate)
        case Op.norm if model.norm is Norm.lrn:
            return TowerNorm(model.towers, model.lrn)
        case _:
            assert op is Op.spatial_norm or model.norm is Norm.spatial_lrn
            return SpatialNorm(model.spatial_lrn)


def _build_pool(spec: PoolSpec, rounding: Rounding) -> nn.Module:
    """torch's pooling, with windows clipped like ours."""
    ceil = rounding is not Rounding.floor
    if spec.kind is PoolKind.max:
        return nn.MaxPool2d(spec.size, spec.stride, ceil_mode=ceil)
    return nn.AvgPool2d(spec.size, spec.stride, ceil_mode=ceil, count_include_pad=False)


@torch.no_grad()
def copy_weights(net: Towers, plain: nn.Sequential) -> None:
    """Copy the weights and biases of our net into the plain one.

    Args:
        net: ours, with all towers.
        plain: built from the same specification.
    """
    for shape in net.shapes:
        layers = [net.layer(tower, shape.name) for tower in net.local_towers]
        product = plain.get_submodule(shape.name)
        assert isinstance(product.weight, Tensor)
        assert isinstance(product.bias, Tensor)
        # Each tower has the weights of its own outputs, but in the last layer those of its inputs.
        weights = torch.cat([layer.weight for layer in layers], dim=1 if shape.last else 0)
        product.weight.copy_(weights)
        biases: list[Tensor] = [layer.bias for layer in layers if layer.bias is not None]
        product.bias.copy_(torch.cat(biases))
