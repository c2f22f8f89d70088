"""Sizes of every layer of a net, from its specification alone: no torch, so that it is fast to ask.

Legend: T towers, C channels over all towers, H = W side of a map, K classes.
"""

from dataclasses import dataclass

from alexcli.errors import UsageError
from alexcli.schema import (
    Activation,
    Kind,
    LayerSpec,
    ModelSpec,
    Norm,
    Op,
    PoolSpec,
    Rounding,
    Sees,
)


@dataclass(frozen=True)
class LayerShape:
    """One layer with everything derived from its neighbours. Counts are over all towers."""

    name: str
    spec: LayerSpec
    in_channels: int
    """Channels (conv, local) or units (fc) that ONE tower of this layer reads."""
    in_size: int
    """Side of the map that it reads; 1 for fc."""
    out_channels: int
    """C of the product, over all towers."""
    out_size: int
    """H of the product; 1 for fc."""
    end_size: int
    """H after the layer's pooling, if any."""
    exchanged: bool
    """Whether this layer reads other towers' outputs."""
    last: bool
    """Whether its outputs are the class scores."""
    towers: int
    """Number of towers."""

    @property
    def neurons(self) -> int:
        """Outputs of the product (the paper's count: 253,440 ... 1000, section 3.5)."""
        return self.out_channels * self.out_size**2

    @property
    def fan_in(self) -> int:
        """Products summed into one output of one tower. The last layer sums over towers besides."""
        if self.spec.kind is Kind.fc:
            return self.in_channels
        return self.in_channels // self.spec.groups * self.spec.kernel**2

    @property
    def weights(self) -> int:
        """Number of weights."""
        per_position = self.out_channels * self.fan_in * (self.towers if self.last else 1)
        return per_position * (self.out_size**2 if self.spec.kind is Kind.local else 1)

    @property
    def biases(self) -> int:
        """Number of biases; an unshared layer has one per map and position (2012 code)."""
        return self.neurons if self.spec.kind is Kind.local else self.out_channels

    @property
    def macs(self) -> int:
        """Multiply-accumulate operations of one picture's forward pass, without the bias."""
        per_position = self.out_channels * self.fan_in * (self.towers if self.last else 1)
        return per_position * self.out_size**2


def layers(model: ModelSpec) -> dict[str, LayerSpec]:
    """The layers that are not null, by name, in order.

    A key that a variant adds lands at the end of its mapping, so layers are sorted by kind:
    convolutions, then hidden fc layers, then the class scores (filters null); otherwise as written.
    """
    kept = [(name, spec) for name, spec in model.trunk.items() if spec is not None]
    return dict(sorted(kept, key=lambda item: (item[1].kind is Kind.fc, item[1].filters is None)))


def pool_of(model: ModelSpec, layer: LayerSpec) -> PoolSpec:
    """The pooling window of a layer: its own, or the model's."""
    return layer.pool or model.pool


def out_size(size: int, window: int, stride: int, pad: int, rounding: Rounding) -> int:
    """Positions of a window along a side of `size` (2012 code: rounds up, reading zeros beyond)."""
    span = size + 2 * pad - window
    if rounding is Rounding.floor:
        return span // stride + 1
    steps = -(-span // stride)
    # A window that would begin past the picture is left out, as torch's ceil_mode does.
    return steps + 1 if steps * stride < size + pad else steps


def trace(model: ModelSpec) -> list[LayerShape]:
    """Every layer's sizes.

    Raises:
        UsageError: a window larger than its input, a channel count that towers or groups do not
            divide, a layer in an impossible place; names the layer and both numbers.
    """
    specs = layers(model)
    if model.torchvision is not None:
        raise UsageError(
            f"model {model.name!r} is torchvision's: its layers are not known here",
            hint="alexcli analyze compare has its published counts",
        )
    if not specs:
        raise UsageError(
            f"model {model.name!r} has no layers", hint="alexcli config list shows the models"
        )
    shapes: list[LayerShape] = []
    channels, size, flat = model.input.channels, model.input.size, False
    names = list(specs)
    for name, spec in specs.items():
        last = name == names[-1]
        _check_place(name, spec, last=last, flat=flat)
        out = model.classes if last else _width(model, name, spec)
        # The first layer sees the whole picture in every tower.
        seen = channels if spec.sees is Sees.all or not shapes else channels // model.towers
        if last:  # Each tower multiplies its own units; the partial scores are summed.
            seen = channels // model.towers if shapes else channels
        if spec.kind is Kind.fc:
            first = not shapes
            shape = _fc(name, spec, seen * size**2, out, last=last, first=first, model=model)
        else:
            shape = _conv(name, spec, seen, size, out, model=model, first=not shapes)
        shapes.append(shape)
        channels, size, flat = shape.out_channels, shape.end_size, spec.kind is Kind.fc
    return shapes


def _check_place(name: str, spec: LayerSpec, *, last: bool, flat: bool) -> None:
    where = f"model.trunk.{name}"
    if last and (spec.kind is not Kind.fc or spec.filters is not None or spec.ops):
        raise UsageError(
            f"{where} is the last layer, so it must be fc with filters null and no ops; "
            f"it has kind {spec.kind.value}, filters {spec.filters}, "
            f"ops {[op.value for op in spec.ops]}",
            hint="keep a layer such as fc8: {kind: fc, sees: all} for the class scores",
        )
    if not last and spec.filters is None:
        raise UsageError(
            f"{where}.filters is null, which only the last layer may have",
            hint=f"{where}.filters=64",
        )
    if len(set(spec.ops)) < len(spec.ops):
        raise UsageError(
            f"{where}.ops={[op.value for op in spec.ops]} names an op twice",
            hint="each of act, norm, spatial_norm, pool and dropout may follow a product once",
        )
    if flat and spec.kind is not Kind.fc:
        raise UsageError(
            f"{where} is {spec.kind.value} but follows a fully connected layer",
            hint="put convolutions before the first fc layer",
        )
    if spec.kind is Kind.fc and any(op in (Op.pool, Op.spatial_norm) for op in spec.ops):
        raise UsageError(
            f"{where} is fully connected: its ops may be act, norm and dropout, "
            f"not {[op.value for op in spec.ops]}",
            hint=f"{where}.ops=[act,dropout]",
        )


def _width(model: ModelSpec, name: str, spec: LayerSpec) -> int:
    """Filters after the width multiplier, checked against towers and groups."""
    assert spec.filters is not None
    unit = model.towers * spec.groups
    if spec.filters % unit:
        raise UsageError(
            f"model.trunk.{name}.filters={spec.filters} cannot be divided evenly among "
            f"{model.towers} towers of {spec.groups} groups",
            hint=f"use a multiple of {unit}",
        )
    return max(unit, round(spec.filters * model.width / unit) * unit)


def _fc(
    name: str, spec: LayerSpec, seen: int, out: int, *, last: bool, first: bool, model: ModelSpec
) -> LayerShape:
    if Op.norm in spec.ops and model.norm is Norm.spatial_lrn:
        raise UsageError(
            f"model.trunk.{name} is fully connected: model.norm=spatial_lrn needs maps",
            hint="model.norm=lrn, or take norm out of its ops",
        )
    return LayerShape(
        name=name,
        spec=spec,
        in_channels=seen,
        in_size=1,
        out_channels=out,
        out_size=1,
        end_size=1,
        exchanged=spec.sees is Sees.all and not (last or first) and model.towers > 1,
        last=last,
        towers=model.towers,
    )


def _conv(
    name: str, spec: LayerSpec, seen: int, size: int, out: int, *, model: ModelSpec, first: bool
) -> LayerShape:
    if seen % spec.groups:
        raise UsageError(
            f"model.trunk.{name}.groups={spec.groups} does not divide its {seen} input channels",
            hint=f"model.trunk.{name}.groups=1",
        )
    if spec.kind is Kind.local and spec.groups != 1:
        raise UsageError(
            f"model.trunk.{name}.groups={spec.groups}: an unshared (local) layer has no groups",
            hint=f"model.trunk.{name}.groups=1",
        )
    side = _windows(model, name, "kernel", size, spec.kernel, spec.stride, spec.pad)
    end = side
    if Op.pool in spec.ops:
        pool = pool_of(model, spec)
        end = _windows(model, name, "pooling window", side, pool.size, pool.stride, 0)
    return LayerShape(
        name=name,
        spec=spec,
        in_channels=seen,
        in_size=size,
        out_channels=out,
        out_size=side,
        end_size=end,
        exchanged=spec.sees is Sees.all and not first and model.towers > 1,
        last=False,
        towers=model.towers,
    )


def _windows(
    model: ModelSpec, name: str, what: str, size: int, window: int, stride: int, pad: int
) -> int:
    if size + 2 * pad < window:
        padded = f" (padded to {size + 2 * pad})" if pad else ""
        raise UsageError(
            f"{name}: the {what} of {window} is larger than its input of {size}{padded}, "
            f"for pictures of model.input.size={model.input.size}",
            hint="raise model.input.size, or lower the layer's kernel, stride or pooling",
        )
    return out_size(size, window, stride, pad, model.rounding)


def op_parameters(model: ModelSpec, shape: LayerShape) -> int:
    """Parameters of what follows the product: batch norm's gain and shift, prelu's slopes."""
    count = 0
    if Op.norm in shape.spec.ops and model.norm is Norm.batch:
        count += 2 * shape.out_channels
    if Op.act in shape.spec.ops and model.activation is Activation.prelu:
        count += model.towers  # one slope for each tower's share of the layer
    return count


def followed_by(model: ModelSpec, shape: LayerShape) -> list[tuple[Op, int]]:
    """What follows the product, turned on, with the elements of each output of one picture."""
    off = {Op.norm: model.norm is Norm.none, Op.spatial_norm: not model.second_norm}
    side, found = shape.out_size, []
    for op in shape.spec.ops:
        side = shape.end_size if op is Op.pool else side
        if not off.get(op):
            found.append((op, shape.out_channels * side**2))
    return found
