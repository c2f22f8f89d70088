"""The pieces of a tower: products, activations, normalisation, pooling, dropout.

Legend: N pictures, C channels of one tower, H = W side of a map, U units.
"""

import math
from abc import ABC, abstractmethod

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from alexcli import draws
from alexcli.model.lrn import LocalResponseNorm, SpatialResponseNorm
from alexcli.model.shapes import LayerShape, followed_by
from alexcli.schema import DropoutKind, Kind, ModelSpec, Norm, Op, PoolKind, PoolSpec, Rounding

MODULES = {name.lower(): kind for name, kind in vars(nn).items() if isinstance(kind, type)}
"""torch's modules by their names: leaky_relu is LeakyReLU."""


class Pool(nn.Module):
    """Maximum or average; windows are clipped to the map and an average divides by the clipped
    area.
    """

    def __init__(self, spec: PoolSpec, rounding: Rounding) -> None:
        super().__init__()
        self.kind, self.size, self.stride = spec.kind, spec.size, spec.stride
        self.ceil = rounding is Rounding.ceil

    def forward(self, x: Tensor) -> Tensor:
        """x (N, C, H, W) -> (N, C, H', W')."""
        if self.kind is PoolKind.max:
            return F.max_pool2d(x, self.size, self.stride, ceil_mode=self.ceil)
        return F.avg_pool2d(x, self.size, self.stride, ceil_mode=self.ceil, count_include_pad=False)


class Dropout(nn.Module):
    """Dropout (section 4.2) whose mask is a function of (seed, step, layer, unit, row of the
    batch).
    """

    def __init__(self, rate: float, kind: DropoutKind, *, layer: str, tower: int) -> None:
        super().__init__()
        self.rate, self.kind, self.layer, self.tower = rate, kind, layer, tower

    @torch.compiler.disable  # type: ignore[untyped-decorator]  # inductor fails on 64-bit keys
    def forward(self, x: Tensor, at: draws.At | None) -> Tensor:
        """x (N, ...) -> the same shape.

        Raises:
            ValueError: in training without `at`, which would repeat one mask for ever.
        """
        keep = 1 - self.rate
        if not self.rate:
            return x
        if not self.training:
            return x * keep if self.kind is DropoutKind.test_scale else x
        if at is None:
            raise ValueError(f"dropout of {self.layer} needs the place in training: net(x, at=...)")
        units = math.prod(x.shape[1:])
        rows = torch.arange(at.row, at.row + x.shape[0], device=x.device)
        first = self.tower * units
        columns = torch.arange(first, first + units, device=x.device)
        mask = draws.keep_mask(
            draws.key("dropout", at.seed, at.step, self.layer), rows, columns, self.rate
        ).view(x.shape)
        return x * mask if self.kind is DropoutKind.test_scale else x * mask / keep


class Layer(nn.Module, ABC):
    """One tower's share of a layer: its product (a subclass says which) and what follows, in order.

    Parameters are `weight` and `bias`; those of ops are `ops.NAME.*`.
    """

    weight: nn.Parameter
    bias: nn.Parameter | None

    def __init__(self, shape: LayerShape, model: ModelSpec, tower: int) -> None:
        super().__init__()
        self.out = shape.out_channels if shape.last else shape.out_channels // model.towers
        built = {o.value: _build(o, shape, model, tower) for o, _ in followed_by(model, shape)}
        self.ops = nn.ModuleDict(built)

    @abstractmethod
    def product(self, x: Tensor) -> Tensor:
        """The layer's sums of products, plus bias."""

    def forward(self, x: Tensor, at: draws.At | None = None) -> Tensor:
        """x (N, C_in, H, W) or (N, U_in) -> (N, C, H', W') or (N, U)."""
        x = self.product(x)
        for op in self.ops.values():
            x = op(x, at) if isinstance(op, Dropout) else op(x)
        return x


class Conv(Layer):
    """A convolution that can round its output size up, reading zeros past right and bottom."""

    def __init__(self, shape: LayerShape, model: ModelSpec, tower: int) -> None:
        super().__init__(shape, model, tower)
        spec = shape.spec
        self.stride, self.pad, self.groups = spec.stride, spec.pad, spec.groups
        # The 2012 code: 224 pixels, kernel 11, stride 4 give 55 positions, three pixels beyond.
        reach = (shape.out_size - 1) * spec.stride + spec.kernel
        self.beyond = max(0, reach - shape.in_size - 2 * spec.pad)
        fan = shape.in_channels // spec.groups
        self.weight = nn.Parameter(torch.zeros(self.out, fan, spec.kernel, spec.kernel))
        self.bias = nn.Parameter(torch.zeros(self.out))

    def product(self, x: Tensor) -> Tensor:
        """x (N, C_in, H_in, W_in) -> (N, C_out, H, W)."""
        pad = self.pad
        if self.beyond:
            x = F.pad(x, (pad, pad + self.beyond, pad, pad + self.beyond))
            pad = 0
        return F.conv2d(x, self.weight, self.bias, self.stride, pad, groups=self.groups)


class Local(Layer):
    """A convolution whose weights and biases differ at each position (2012 code, CIFAR-10)."""

    bias: nn.Parameter

    def __init__(self, shape: LayerShape, model: ModelSpec, tower: int) -> None:
        super().__init__(shape, model, tower)
        spec, self.side = shape.spec, shape.out_size
        self.kernel, self.stride, self.pad = spec.kernel, spec.stride, spec.pad
        self.weight = nn.Parameter(torch.zeros(self.side**2, self.out, shape.fan_in))
        self.bias = nn.Parameter(torch.zeros(self.out, self.side, self.side))

    def product(self, x: Tensor) -> Tensor:
        """x (N, C_in, H_in, W_in) -> (N, C_out, H, W)."""
        reach = (self.side - 1) * self.stride + self.kernel - x.shape[-1] - self.pad
        x = F.pad(x, (self.pad, max(self.pad, reach)) * 2)
        patches = F.unfold(x, self.kernel, stride=self.stride)  # (N, C_in * kernel^2, H * W)
        # One matrix product per position: (H * W, N, fan) x (H * W, fan, C_out).
        out = torch.bmm(patches.permute(2, 0, 1), self.weight.transpose(1, 2))
        return out.permute(1, 2, 0).reshape(-1, self.out, self.side, self.side) + self.bias


class Fc(Layer):
    """A fully connected layer; maps are flattened."""

    def __init__(self, shape: LayerShape, model: ModelSpec, tower: int) -> None:
        super().__init__(shape, model, tower)
        self.weight = nn.Parameter(torch.zeros(self.out, shape.in_channels))
        # Partial class scores are summed over towers, so one bias is enough.
        has_bias = not shape.last or tower == 0
        self.bias = nn.Parameter(torch.zeros(self.out)) if has_bias else None

    def product(self, x: Tensor) -> Tensor:
        """x (N, ...) -> (N, U)."""
        return F.linear(x.flatten(1), self.weight, self.bias)


LAYERS: dict[Kind, type[Layer]] = {Kind.conv: Conv, Kind.local: Local, Kind.fc: Fc}


def _build(op: Op, shape: LayerShape, model: ModelSpec, tower: int) -> nn.Module:
    """The module of an op that the model does not turn off."""
    match op:
        case Op.act:
            kind = MODULES[model.activation.value.replace("_", "")]
            made: nn.Module = kind(inplace=True) if kind is nn.ReLU else kind()
            return made
        case Op.pool:
            return Pool(shape.spec.pool or model.pool, model.rounding)
        case Op.dropout:
            return Dropout(model.dropout.rate, model.dropout.kind, layer=shape.name, tower=tower)
        case Op.norm if model.norm is Norm.batch:
            kind = nn.BatchNorm1d if shape.spec.kind is Kind.fc else nn.BatchNorm2d
            return kind(shape.out_channels // model.towers)
        case Op.norm if model.norm is Norm.lrn:
            return LocalResponseNorm(model.lrn)
        case Op.norm | Op.spatial_norm:
            return SpatialResponseNorm(model.spatial_lrn)
