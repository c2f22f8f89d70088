"""The ops that may follow a layer's product: activations, norms, pooling and dropout.

Legend: N images, C channels of one tower, H = W side of a feature map.
"""

import math

import torch
from torch import Tensor, nn

from alexcli import rng
from alexcli.model.lrn import LocalResponseNorm, SpatialResponseNorm
from alexcli.model.pooling import Pool
from alexcli.model.shapes import LayerShape
from alexcli.schema import Activation, DropoutKind, Kind, ModelSpec, Norm, Op

ACTIVATIONS: dict[Activation, type[nn.Module]] = {
    Activation.relu: nn.ReLU,
    Activation.tanh: nn.Tanh,
    Activation.sigmoid: nn.Sigmoid,
    Activation.leaky_relu: nn.LeakyReLU,
    Activation.prelu: nn.PReLU,
    Activation.rrelu: nn.RReLU,
    Activation.elu: nn.ELU,
    Activation.gelu: nn.GELU,
    Activation.silu: nn.SiLU,
    Activation.identity: nn.Identity,
}


class Dropout(nn.Module):
    """Dropout (section 4.2) whose mask does not depend on the state of a random generator.

    The mask is a function of the seed, the step, the layer, the unit and the image's row in the
    global batch, so that all placements and resumed runs drop the same units.

    Args:
        rate: probability of dropping a unit.
        kind: when the outputs are rescaled.
        layer: name of the layer that it follows.
        tower: number of the tower, from 0, by which units are numbered across towers.
    """

    compilable = False
    """torch's compiler fails on the 64-bit keys of the masks."""

    def __init__(self, rate: float, kind: DropoutKind, *, layer: str, tower: int) -> None:
        super().__init__()
        self.rate = rate
        self.kind = kind
        self.layer = layer
        self.tower = tower

    def forward(self, x: Tensor, context: rng.DropoutContext | None) -> Tensor:
        """x (N, ...) -> the same shape.

        Raises:
            ValueError: in training without `context`, since the mask would never change.
        """
        if not self.rate:
            return x
        keep_rate = 1 - self.rate
        if not self.training:
            return x * keep_rate if self.kind is DropoutKind.test_scale else x
        if context is None:
            raise ValueError(
                f"dropout of {self.layer} needs the place in training: net(x, context=...)"
            )
        masked = x * self._mask(x, context)
        return masked if self.kind is DropoutKind.test_scale else masked / keep_rate

    def _mask(self, x: Tensor, context: rng.DropoutContext) -> Tensor:
        """Which outputs are kept: bool, of the shape of x."""
        key = rng.stream_key("dropout", context.seed, context.step, self.layer)
        rows = torch.arange(context.row, context.row + x.shape[0], device=x.device)
        units = math.prod(x.shape[1:])
        first_unit = self.tower * units
        columns = torch.arange(first_unit, first_unit + units, device=x.device)
        return rng.keep_mask(key, rows, columns, self.rate).view(x.shape)


def build_op(op: Op, shape: LayerShape, model: ModelSpec, tower: int) -> nn.Module:
    """The module of an op that the model does not turn off.

    Args:
        op: the op.
        shape: the layer that it follows.
        model: the net, whose settings define the ops.
        tower: number of the tower, from 0.
    """
    match op:
        case Op.act:
            return build_activation(model.activation)
        case Op.pool:
            return Pool(shape.spec.pool or model.pool, model.rounding)
        case Op.dropout:
            return Dropout(model.dropout.rate, model.dropout.kind, layer=shape.name, tower=tower)
        case Op.norm:
            return _build_norm(shape, model)
        case Op.spatial_norm:
            return SpatialResponseNorm(model.spatial_lrn)


def build_activation(activation: Activation) -> nn.Module:
    """torch's module of an activation, with torch's own constants."""
    module_class = ACTIVATIONS[activation]
    # Only the ReLU reads the product before it, so its memory can be reused.
    module: nn.Module = module_class(inplace=True) if module_class is nn.ReLU else module_class()
    return module


def _build_norm(shape: LayerShape, model: ModelSpec) -> nn.Module:
    """The module that the op `norm` stands for."""
    if model.norm is Norm.batch:
        batch_norm = nn.BatchNorm1d if shape.spec.kind is Kind.fc else nn.BatchNorm2d
        return batch_norm(shape.out_channels // model.towers)
    if model.norm is Norm.lrn:
        return LocalResponseNorm(model.lrn)
    return SpatialResponseNorm(model.spatial_lrn)
