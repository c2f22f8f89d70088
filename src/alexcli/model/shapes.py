"""Sizes of every layer of a net, from its specification alone.

This file does not import torch, so that tables of parameters appear without delay.

Legend: T towers, C channels over all towers, H = W side of a feature map, K classes.
"""

import re
from dataclasses import dataclass

from alexcli.errors import UsageError, plural
from alexcli.schema import Activation, Kind, LayerSpec, ModelSpec, Norm, Op, Reads, Rounding

LAYER_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,79}")
"""Names of layers. Parameters are named `tower0.LAYER.weight`, so a name holds no dot."""
KERNEL = "kernel"
"""Name of a product's window in messages."""


@dataclass(frozen=True)
class LayerShape:
    """One layer with everything derived from its neighbours. Counts are over all towers."""

    name: str
    """The layer's key in `model.layers`."""
    spec: LayerSpec
    """The layer's specification."""
    in_channels: int
    """Channels (conv, local) or units (fc) that ONE tower of this layer reads."""
    in_size: int
    """Side of the feature maps that it reads; 1 for fc."""
    out_channels: int
    """C of the product, over all towers."""
    out_size: int
    """H of the product; 1 for fc."""
    end_size: int
    """H after the layer's pooling, if any."""
    reads_other_towers: bool
    """Whether this layer reads other towers' outputs."""
    first: bool
    """Whether it reads the image, which all towers read."""
    last: bool
    """Whether its outputs are the class scores."""
    towers: int
    """Number of towers."""
    extras: int
    """Parameters of the ops after the product: batch norm's gain and shift, prelu's slopes."""

    @property
    def neurons(self) -> int:
        """Number of outputs of the product (the paper's count: 253,440 ... 1000, section 3.5)."""
        return self.out_channels * self.out_size**2

    @property
    def fan_in(self) -> int:
        """Number of products summed into one output of one tower; see `fan_in_of_all_towers`."""
        if self.spec.kind is Kind.fc:
            return self.in_channels
        return self.in_channels // self.spec.groups * self.spec.kernel**2

    @property
    def fan_in_of_all_towers(self) -> int:
        """Number of products summed into one output; a class score sums those of all towers."""
        return self.fan_in * self.towers if self.last else self.fan_in

    @property
    def weights(self) -> int:
        """Number of weights; an unshared layer has separate ones for each position (2012 code)."""
        weights_of_a_position = self.out_channels * self.fan_in_of_all_towers
        if self.spec.kind is Kind.local:
            return weights_of_a_position * self.out_size**2
        return weights_of_a_position

    @property
    def biases(self) -> int:
        """Number of biases; an unshared layer has one per channel and position (2012 code)."""
        return self.neurons if self.spec.kind is Kind.local else self.out_channels

    @property
    def params(self) -> int:
        """Number of all parameters."""
        return self.weights + self.biases + self.extras

    @property
    def macs(self) -> int:
        """Multiply-accumulate operations of one image's forward pass, without the bias."""
        return self.neurons * self.fan_in_of_all_towers


def active_layers(model: ModelSpec) -> dict[str, LayerSpec]:
    """The layers that are not null, by name, in the order of the forward pass.

    A key that a variant adds is appended to its mapping, so layers are sorted by kind:
    convolutions, then hidden fc layers, then the class scores (filters null); otherwise as written.
    """
    present = [(name, spec) for name, spec in model.layers.items() if spec is not None]
    return dict(
        sorted(present, key=lambda item: (item[1].kind is Kind.fc, item[1].filters is None))
    )


def active_ops(model: ModelSpec, shape: LayerShape) -> list[tuple[Op, int]]:
    """The ops after a layer's product that the model does not turn off, in order.

    Returns:
        Pairs of an op and the number of its outputs for one image, over all towers.
    """
    ops = []
    size = shape.out_size
    for op in shape.spec.ops:
        if op is Op.pool:
            size = shape.end_size
        if not _turned_off(model, op):
            ops.append((op, shape.out_channels * size**2))
    return ops


def _turned_off(model: ModelSpec, op: Op) -> bool:
    """Whether the model leaves out an op that its layers list."""
    if op is Op.norm:
        return model.norm is Norm.none
    return op is Op.spatial_norm and not model.spatial_norm_enabled


def unknown_layers(model: ModelSpec) -> UsageError:
    """The error for asking a net that torchvision builds for its layers."""
    return UsageError(
        f"model {model.name!r} is torchvision's: its layers are not known here",
        hint="alexcli analyze compare has published counts; predictions and saliency work with any "
        "net",
    )


def trace(model: ModelSpec) -> list[LayerShape]:
    """The shape of every layer, in the order of the forward pass.

    Raises:
        UsageError: a window is larger than its input, towers or groups do not divide a number of
            channels, or a layer has an impossible name or place; the message names the layer and
            both numbers. Or torchvision builds the net, it has no layers, or it asks for a stem
            that only torchvision nets have.
    """
    if model.torchvision is not None:
        raise unknown_layers(model)
    specs = active_layers(model)
    if not specs:
        raise UsageError(
            f"model {model.name!r} has no layers", hint="alexcli config list shows the models"
        )
    if model.small_stem:
        raise UsageError(
            "model.small_stem=true is for nets of torchvision, and this net's layers are in "
            "model.layers",
            hint="model.small_stem=false; model.layers.conv1.stride=1 keeps the first map large",
        )
    for name in specs:
        _check_name(name)
    last_name = list(specs)[-1]
    shapes: list[LayerShape] = []
    for name, spec in specs.items():
        previous = shapes[-1] if shapes else None
        shapes.append(_trace_layer(model, name, spec, previous, last=name == last_name))
    return shapes


def _trace_layer(
    model: ModelSpec, name: str, spec: LayerSpec, previous: LayerShape | None, *, last: bool
) -> LayerShape:
    """The shape of one layer.

    Args:
        model: the net.
        name: the layer's key in `model.layers`.
        spec: the layer's specification.
        previous: the shape of the layer before; None for the first layer.
        last: whether the layer's outputs are the class scores.

    Raises:
        UsageError: as `trace` does for a layer.
    """
    channels = previous.out_channels if previous else model.input.channels
    size = previous.end_size if previous else model.input.size
    # The first layer reads the whole image in every tower. In the last layer each tower
    # multiplies its own units, and the partial scores are summed.
    reads_all = previous is None or (spec.reads is Reads.all_towers and not last)
    in_channels = channels if reads_all else channels // model.towers
    _check_place(name, spec, previous, last=last)
    _check_ops(model, name, spec)
    _check_groups(name, spec, in_channels)

    fc = spec.kind is Kind.fc
    out_size = 1
    if not fc:
        out_size = _positions(model, name, KERNEL, size, spec.kernel, spec.stride, spec.pad)
    end_size = out_size
    if Op.pool in spec.ops:
        pool = spec.pool or model.pool
        end_size = _positions(model, name, "pooling window", out_size, pool.size, pool.stride)
    out_channels = model.classes if last else _scaled_filters(model, name, spec)
    return LayerShape(
        name=name,
        spec=spec,
        in_channels=in_channels * size**2 if fc else in_channels,
        in_size=1 if fc else size,
        out_channels=out_channels,
        out_size=out_size,
        end_size=end_size,
        reads_other_towers=reads_all and previous is not None and model.towers > 1,
        first=previous is None,
        last=last,
        towers=model.towers,
        extras=_parameters_of_ops(model, spec, out_channels),
    )


def _check_name(name: str) -> None:
    """Raise UsageError for a name that a layer cannot have."""
    if not LAYER_NAME.fullmatch(name):
        raise UsageError(
            f"model.layers has a layer {name!r}; names are a letter, followed by letters, digits "
            "and _, of at most 80 characters",
            hint="a name such as conv1 or fc6",
        )


def _check_place(name: str, spec: LayerSpec, previous: LayerShape | None, *, last: bool) -> None:
    """Raise UsageError for a layer in an impossible place."""
    key = f"model.layers.{name}"
    fc = spec.kind is Kind.fc
    if last and (not fc or spec.filters is not None or spec.ops):
        raise UsageError(
            f"{key} is the last layer, so it must be fc with filters null and no ops; it has "
            f"kind {spec.kind}, filters {spec.filters}, ops [{', '.join(spec.ops)}]",
            hint="keep a layer such as fc8: {kind: fc, reads: all_towers} for the class scores",
        )
    if not last and spec.filters is None:
        raise UsageError(
            f"{key}.filters is null, which only the last layer may have", hint=f"{key}.filters=64"
        )
    if previous and previous.spec.kind is Kind.fc and not fc:
        raise UsageError(
            f"{key} is {spec.kind} but follows a fully connected layer",
            hint="put convolutions before the first fc layer",
        )


def _check_ops(model: ModelSpec, name: str, spec: LayerSpec) -> None:
    """Raise UsageError for ops that cannot follow the layer's product."""
    key = f"model.layers.{name}"
    fc = spec.kind is Kind.fc
    if len(set(spec.ops)) < len(spec.ops):
        raise UsageError(
            f"{key}.ops=[{', '.join(spec.ops)}] names an op twice",
            hint="each of act, norm, spatial_norm, pool and dropout may follow a product once",
        )
    if fc and (Op.pool in spec.ops or Op.spatial_norm in spec.ops):
        raise UsageError(
            f"{key} is fully connected: its ops may be act, norm and dropout, not "
            f"[{', '.join(spec.ops)}]",
            hint=f"{key}.ops=[act,dropout]",
        )
    if fc and Op.norm in spec.ops and model.norm is Norm.spatial_lrn:
        raise UsageError(
            f"{key} is fully connected: model.norm=spatial_lrn needs feature maps",
            hint="model.norm=lrn, or take norm out of its ops",
        )


def _check_groups(name: str, spec: LayerSpec, in_channels: int) -> None:
    """Raise UsageError for groups that the layer cannot have."""
    key = f"model.layers.{name}"
    if spec.kind is not Kind.fc and in_channels % spec.groups:
        raise UsageError(
            f"{key}.groups={spec.groups} does not divide its "
            f"{plural(in_channels, 'input channel')}",
            hint=f"{key}.groups=1",
        )
    if spec.kind is Kind.local and spec.groups != 1:
        raise UsageError(
            f"{key}.groups={spec.groups}: an unshared (local) layer has no groups",
            hint=f"{key}.groups=1",
        )


def _scaled_filters(model: ModelSpec, name: str, spec: LayerSpec) -> int:
    """Filters after the width multiplier, rounded to a number that towers and groups divide."""
    assert spec.filters is not None
    unit = model.towers * spec.groups
    if spec.filters % unit:
        raise UsageError(
            f"model.layers.{name}.filters={spec.filters} cannot be divided evenly among "
            f"{plural(model.towers, 'tower')} of {plural(spec.groups, 'group')}",
            hint=f"use a multiple of {unit}",
        )
    return max(unit, round(spec.filters * model.width / unit) * unit)


def _positions(
    model: ModelSpec, name: str, kind: str, size: int, window: int, stride: int, pad: int = 0
) -> int:
    """Number of positions of a window along one side of its input.

    Args:
        model: the net, whose `rounding` says whether a last, clipped position counts.
        name: the layer's key in `model.layers`.
        kind: KERNEL or `pooling window`.
        size: side of the input.
        window: side of the window.
        stride: step between positions.
        pad: zeros on each side of the input.
    """
    span = size + 2 * pad - window
    if span < 0:
        input_size = f"{size} (padded to {size + 2 * pad})" if pad else str(size)
        raise UsageError(
            f"{name}: the {kind} of {window} is larger than its input of {input_size}, for images "
            f"of model.input.size={model.input.size}",
            hint="raise model.input.size, or lower the layer's kernel, stride or pooling",
        )
    counts_clipped = model.rounding is not Rounding.floor and not (
        model.rounding is Rounding.pool_up and kind == KERNEL
    )
    return window_count(size, window, stride, pad=pad, ceil=counts_clipped)


def window_count(size: int, window: int, stride: int, *, pad: int = 0, ceil: bool) -> int:
    """Number of positions of a window along a side of its input, counted as in torch.

    Args:
        size: side of the input.
        window: side of the window.
        stride: step between positions.
        pad: zeros on each side of the input.
        ceil: whether a last position counts at which the window is clipped; it must begin in the
            input or in the zeros before it.
    """
    steps, rest = divmod(size + 2 * pad - window, stride)
    clipped_begins_inside = (steps + 1) * stride < size + pad
    return steps + 2 if ceil and rest and clipped_begins_inside else steps + 1


def _parameters_of_ops(model: ModelSpec, spec: LayerSpec, out_channels: int) -> int:
    """Number of parameters of the ops after the product, over all towers."""
    count = 0
    if Op.norm in spec.ops and model.norm is Norm.batch:
        count += 2 * out_channels  # a gain and a shift for each channel
    if Op.act in spec.ops and model.activation is Activation.prelu:
        count += model.towers  # a slope for each tower
    return count
