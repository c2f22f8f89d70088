"""Sizes of every layer of a net, from its specification alone: no torch, so that it is fast to ask.

Legend: T towers, C channels over all towers, H = W side of a map, K classes.
"""

from dataclasses import dataclass
from typing import Any

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
        raise UsageError.of("model.borrowed", model=model)
    if not specs:
        raise UsageError.of("model.empty", model=model)
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
        raise UsageError.of("model.last_layer", where=where, spec=spec)
    if not last and spec.filters is None:
        raise UsageError.of("model.no_filters", where=where)
    if len(set(spec.ops)) < len(spec.ops):
        raise UsageError.of("model.op_twice", where=where, spec=spec)
    if flat and spec.kind is not Kind.fc:
        raise UsageError.of("model.after_fc", where=where, spec=spec)
    if spec.kind is Kind.fc and any(op in (Op.pool, Op.spatial_norm) for op in spec.ops):
        raise UsageError.of("model.fc_ops", where=where, spec=spec)


def _width(model: ModelSpec, name: str, spec: LayerSpec) -> int:
    """Filters after the width multiplier, checked against towers and groups."""
    assert spec.filters is not None
    unit = model.towers * spec.groups
    if spec.filters % unit:
        raise UsageError.of("model.uneven_filters", name=name, spec=spec, model=model, unit=unit)
    return max(unit, round(spec.filters * model.width / unit) * unit)


def _fc(
    name: str, spec: LayerSpec, seen: int, out: int, *, last: bool, first: bool, model: ModelSpec
) -> LayerShape:
    if Op.norm in spec.ops and model.norm is Norm.spatial_lrn:
        raise UsageError.of("model.fc_norm", name=name)
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
        raise UsageError.of("model.uneven_groups", name=name, spec=spec, seen=seen)
    if spec.kind is Kind.local and spec.groups != 1:
        raise UsageError.of("model.local_groups", name=name, spec=spec)
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
        seen = f"{size} (padded to {size + 2 * pad})" if pad else str(size)
        known: dict[str, Any] = {"name": name, "what": what, "window": window, "seen": seen}
        raise UsageError.of("model.window", model=model, **known)
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
