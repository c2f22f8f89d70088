"""Sizes of every layer of a net, from its specification alone: no torch, so that it is fast to ask.

Legend: T towers, C channels over all towers, H = W side of a map, K classes.
"""

from dataclasses import dataclass
from typing import Any

from alexcli.errors import UsageError
from alexcli.schema import Activation, Kind, LayerSpec, ModelSpec, Norm, Op, Rounding, Sees


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
    extras: int
    """Parameters of what follows the product: batch norm's gain and shift, prelu's slopes."""

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
        """Number of weights; an unshared layer has others at each position (2012 code)."""
        return self.macs // (1 if self.spec.kind is Kind.local else self.out_size**2)

    @property
    def biases(self) -> int:
        """Number of biases; an unshared layer has one per map and position (2012 code)."""
        return self.neurons if self.spec.kind is Kind.local else self.out_channels

    @property
    def params(self) -> int:
        """Number of all parameters."""
        return self.weights + self.biases + self.extras

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
    channels, size, towers, fc = model.input.channels, model.input.size, model.towers, False
    for number, (name, spec) in enumerate(specs.items(), start=1):
        first, last, after_fc, fc = not shapes, number == len(specs), fc, spec.kind is Kind.fc
        # The first layer sees the whole picture in every tower. In the last one each tower
        # multiplies its own units, and the partial scores are summed.
        everything = first or (spec.sees is Sees.all and not last)
        seen = channels if everything else channels // towers
        _check(model, f"model.trunk.{name}", spec, seen, after_fc=after_fc, last=last)
        side, pool = 1, spec.pool or model.pool
        if not fc:
            side = _positions(model, name, "kernel", size, spec.kernel, spec.stride, spec.pad)
        end = side
        if Op.pool in spec.ops:
            end = _positions(model, name, "pooling window", side, pool.size, pool.stride)
        channels = model.classes if last else _width(model, name, spec)
        gains = 2 * channels * (Op.norm in spec.ops and model.norm is Norm.batch)
        slopes = towers * (Op.act in spec.ops and model.activation is Activation.prelu)
        shapes.append(
            LayerShape(
                name=name,
                spec=spec,
                in_channels=seen * size**2 if fc else seen,
                in_size=1 if fc else size,
                out_channels=channels,
                out_size=side,
                end_size=end,
                exchanged=everything and not first and towers > 1,
                last=last,
                towers=towers,
                extras=gains + slopes,
            )
        )
        size = end
    return shapes


def _check(
    model: ModelSpec, where: str, spec: LayerSpec, seen: int, *, after_fc: bool, last: bool
) -> None:
    """UsageError for a layer that cannot stand where it does, or cannot do what follows it."""
    fc = spec.kind is Kind.fc
    if last and (not fc or spec.filters is not None or spec.ops):
        raise UsageError.of("model.last_layer", where=where, spec=spec)
    if not last and spec.filters is None:
        raise UsageError.of("model.no_filters", where=where)
    if len(set(spec.ops)) < len(spec.ops):
        raise UsageError.of("model.op_twice", where=where, spec=spec)
    if after_fc and not fc:
        raise UsageError.of("model.after_fc", where=where, spec=spec)
    if fc and any(op in (Op.pool, Op.spatial_norm) for op in spec.ops):
        raise UsageError.of("model.fc_ops", where=where, spec=spec)
    if fc and Op.norm in spec.ops and model.norm is Norm.spatial_lrn:
        raise UsageError.of("model.fc_norm", where=where)
    if not fc and seen % spec.groups:
        raise UsageError.of("model.uneven_groups", where=where, spec=spec, seen=seen)
    if spec.kind is Kind.local and spec.groups != 1:
        raise UsageError.of("model.local_groups", where=where, spec=spec)


def _width(model: ModelSpec, name: str, spec: LayerSpec) -> int:
    """Filters after the width multiplier, checked against towers and groups."""
    assert spec.filters is not None
    unit = model.towers * spec.groups
    if spec.filters % unit:
        raise UsageError.of("model.uneven_filters", name=name, spec=spec, model=model, unit=unit)
    return max(unit, round(spec.filters * model.width / unit) * unit)


def _positions(
    model: ModelSpec, name: str, what: str, size: int, window: int, stride: int, pad: int = 0
) -> int:
    """Of a window along a side of `size` (2012 code: rounds up, reading zeros beyond)."""
    span = size + 2 * pad - window
    if span < 0:
        seen = f"{size} (padded to {size + 2 * pad})" if pad else str(size)
        known: dict[str, Any] = {"name": name, "what": what, "window": window, "seen": seen}
        raise UsageError.of("model.window", model=model, **known)
    if model.rounding is Rounding.floor:
        return span // stride + 1
    steps = -(-span // stride)
    # A window that would begin past the picture is left out, as torch's ceil_mode does.
    return steps + 1 if steps * stride < size + pad else steps


def followed_by(model: ModelSpec, shape: LayerShape) -> list[tuple[Op, int]]:
    """What follows the product, turned on, with the elements of each output of one picture."""
    off = {Op.norm: model.norm is Norm.none, Op.spatial_norm: not model.second_norm}
    side, found = shape.out_size, []
    for op in shape.spec.ops:
        side = shape.end_size if op is Op.pool else side
        if not off.get(op):
            found.append((op, shape.out_channels * side**2))
    return found
