"""Layers of a tower: a product (convolution, unshared convolution, dense) and the ops after it.

Legend: N images, C channels of one tower, H = W side of a feature map, U units of one tower.
"""

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from alexcli import rng
from alexcli.model.ops import Dropout, build_op
from alexcli.model.shapes import LayerShape, active_ops
from alexcli.model.tail import can_fuse, fuse
from alexcli.schema import Kind, ModelSpec, TailImpl


class Layer(nn.Module, ABC):
    """One tower's share of a layer: a product, which a subclass defines, and the ops after it.

    Its own parameters are `weight` and `bias`; those of its ops are `ops.NAME.*`.

    Args:
        shape: the layer's shape, over all towers.
        model: the net.
        tower: number of the tower, from 0.
    """

    weight: nn.Parameter
    bias: nn.Parameter | None

    def __init__(self, shape: LayerShape, model: ModelSpec, tower: int) -> None:
        super().__init__()
        # Every tower adds to all class scores; other layers' outputs are divided among towers.
        self.out_channels = shape.out_channels if shape.last else shape.out_channels // model.towers
        self.ops = nn.ModuleDict(
            {op.value: build_op(op, shape, model, tower) for op, _ in active_ops(model, shape)}
        )
        self.may_fuse = model.tail is TailImpl.auto

    @contextlib.contextmanager
    def ops_apart(self) -> Iterator[None]:
        """Compute the ops one by one in the block, without fusing them."""
        may_fuse = self.may_fuse
        self.may_fuse = False
        try:
            yield
        finally:
            self.may_fuse = may_fuse

    @abstractmethod
    def product(self, x: Tensor) -> Tensor:
        """The layer's product, plus bias."""

    def forward(self, x: Tensor, context: rng.DropoutContext | None = None) -> Tensor:
        """x (N, C_in, H, W) or (N, U_in) -> (N, C, H', W') or (N, U)."""
        x = self.product(x)
        ops = list(self.ops.values())
        if self.may_fuse and can_fuse(x):
            ops = fuse(ops)
        for op in ops:
            x = op(x, context) if isinstance(op, Dropout) else op(x)
        return x


def _padding(shape: LayerShape) -> tuple[int, int]:
    """Zeros before and after each side of a layer's input.

    If the output size is rounded up, the last position reads zeros beyond the padding: in the 2012
    code 224 pixels, kernel 11 and stride 4 give 55 positions, which reach three pixels beyond.
    """
    spec = shape.spec
    reach = (shape.out_size - 1) * spec.stride + spec.kernel
    return spec.pad, max(spec.pad, reach - shape.in_size - spec.pad)


class Conv(Layer):
    """A convolution that can round its output size up, reading zeros past the right and bottom."""

    def __init__(self, shape: LayerShape, model: ModelSpec, tower: int) -> None:
        super().__init__(shape, model, tower)
        spec = shape.spec
        self.stride = spec.stride
        self.groups = spec.groups
        self.pad_before, self.pad_after = _padding(shape)
        in_channels = shape.in_channels // spec.groups
        self.weight = nn.Parameter(
            torch.zeros(self.out_channels, in_channels, spec.kernel, spec.kernel)
        )
        self.bias = nn.Parameter(torch.zeros(self.out_channels))

    def product(self, x: Tensor) -> Tensor:
        """x (N, C_in, H_in, W_in) -> (N, C, H, W)."""
        return self.convolve(x, self.weight, self.bias, self.groups)

    def convolve(self, x: Tensor, weight: Tensor, bias: Tensor | None, groups: int) -> Tensor:
        """A convolution with this layer's stride and padding and the given kernels.

        Args:
            x: (N, C_in, H_in, W_in).
            weight: (C, C_in / groups, kernel, kernel).
            bias: (C,).
            groups: number of groups that channels and kernels are divided into.
        """
        pad = self.pad_before
        stride = self.stride
        takes_single_pixels = weight.shape[-1] == 1 and stride > 1
        # conv2d cannot pad by different amounts before and after.
        if self.pad_after > self.pad_before or (takes_single_pixels and pad > 0):
            x = F.pad(x, (self.pad_before, self.pad_after) * 2)
            pad = 0
        if takes_single_pixels:
            # On a CPU, torch 2.14 writes past a buffer in the backward pass of such a channels-last
            # convolution of few channels: "munmap_chunk(): invalid pointer".
            x = x[:, :, ::stride, ::stride]
            stride = 1
        return F.conv2d(x, weight, bias, stride, pad, groups=groups)


class Local(Layer):
    """A convolution whose weights and biases differ at each position (2012 code, CIFAR-10).

    `weight` is (H * W, C, C_in * kernel^2) and `bias` is (C, H, W).
    """

    bias: nn.Parameter

    def __init__(self, shape: LayerShape, model: ModelSpec, tower: int) -> None:
        super().__init__(shape, model, tower)
        self.kernel = shape.spec.kernel
        self.stride = shape.spec.stride
        self.size = shape.out_size
        self.pad_before, self.pad_after = _padding(shape)
        self.weight = nn.Parameter(torch.zeros(self.size**2, self.out_channels, shape.fan_in))
        self.bias = nn.Parameter(torch.zeros(self.out_channels, self.size, self.size))

    def product(self, x: Tensor) -> Tensor:
        """x (N, C_in, H_in, W_in) -> (N, C, H, W)."""
        x = F.pad(x, (self.pad_before, self.pad_after) * 2)
        patches = F.unfold(x, self.kernel, stride=self.stride)  # (N, C_in * kernel^2, H * W)
        # One matrix product per position: (H * W, N, fan-in) x (H * W, fan-in, C).
        sums = torch.bmm(patches.permute(2, 0, 1), self.weight.transpose(1, 2))
        sums = sums.permute(1, 2, 0).reshape(-1, self.out_channels, self.size, self.size)
        return sums + self.bias


class Fc(Layer):
    """A fully connected layer, which flattens the feature maps that it reads."""

    def __init__(self, shape: LayerShape, model: ModelSpec, tower: int) -> None:
        super().__init__(shape, model, tower)
        self.weight = nn.Parameter(torch.zeros(self.out_channels, shape.in_channels))
        # Partial class scores are summed over towers, so one tower's bias is enough.
        has_bias = not shape.last or tower == 0
        self.bias = nn.Parameter(torch.zeros(self.out_channels)) if has_bias else None

    def product(self, x: Tensor) -> Tensor:
        """x (N, ...) -> (N, U)."""
        return F.linear(x.flatten(1), self.weight, self.bias)


LAYER_TYPES: dict[Kind, type[Layer]] = {Kind.conv: Conv, Kind.local: Local, Kind.fc: Fc}
