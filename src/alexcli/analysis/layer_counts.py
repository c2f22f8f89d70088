"""Counting a net's parameters, operations and memory from its shapes. Imports no torch."""

from collections.abc import Sequence
from typing import Any

from alexcli.model.shapes import LayerShape, active_ops
from alexcli.schema import Activation, Kind, ModelSpec, Norm, Op, Reads

FLOAT_BYTES = 4
TRAINING_COPIES = 3
"""Numbers that training keeps for each parameter: itself, its gradient and its momentum."""
KEEP_OUTPUT = (Activation.relu, Activation.tanh, Activation.sigmoid)
"""Activations whose gradient needs the output only; the others but identity need the input."""
SUMMED = (
    "neurons",
    "params",
    "macs",
    "flops",
    "weights",
    "biases",
    "other_flops",
    "activation_bytes",
    "weight_bytes",
    "training_bytes",
)
"""The counts of a layer that add up to those of the net."""


def count_layer(model: ModelSpec, shape: LayerShape, batch: int) -> dict[str, Any]:
    """The counts of one layer, by name; see `params.run`.

    Args:
        model: the net.
        shape: the layer.
        batch: images of a batch, for the bytes.
    """
    activation_bytes = _activation_bytes(model, shape, batch)
    weight_bytes = FLOAT_BYTES * shape.params
    reads_all = shape.reads_other_towers or shape.last
    return {
        "name": shape.name,
        "kind": shape.spec.kind.value,
        "output": [shape.out_channels, shape.out_size, shape.out_size],
        "towers": 1 if shape.last else shape.towers,
        "reads": (Reads.all_towers if reads_all else Reads.own_tower).value,
        "neurons": shape.neurons,
        "params": shape.params,
        "macs": shape.macs,
        "flops": 2 * shape.macs,
        "weights": shape.weights,
        "biases": shape.biases,
        "other_flops": _other_flops(model, shape),
        "activation_bytes": activation_bytes,
        "weight_bytes": weight_bytes,
        "training_bytes": TRAINING_COPIES * weight_bytes + activation_bytes,
        "per_tower": [_tower_share(shape, tower) for tower in range(shape.towers)],
    }


def count_totals(model: ModelSpec, layers: Sequence[dict[str, Any]], batch: int) -> dict[str, int]:
    """The counts of the whole net.

    Args:
        model: the net.
        layers: from `count_layer`.
        batch: images of a batch, for the bytes; training keeps the batch too.
    """
    totals = {key: sum(layer[key] for layer in layers) for key in SUMMED}
    image_bytes = FLOAT_BYTES * batch * model.input.channels * model.input.size**2
    totals["activation_bytes"] += image_bytes
    totals["training_bytes"] += image_bytes
    return totals


def count_by_conventions(
    shapes: Sequence[LayerShape], totals: dict[str, int]
) -> list[dict[str, Any]]:
    """Operations for one image, by the usual conventions.

    Args:
        shapes: the layers.
        totals: from `count_totals`.

    Returns:
        Rows `{name, forward, training}`.
    """
    macs = [shape.macs for shape in shapes]
    flops = [2 * count for count in macs]
    bias_additions = totals["neurons"]
    everything = bias_additions + totals["other_flops"]
    return [
        _convention("MACs", macs),
        _convention("parameters x positions", [_parameters_x_positions(s) for s in shapes]),
        _convention("2 x MACs", flops),
        _convention("2 x MACs, with biases", flops, bias_additions),
        _convention("with biases, LRN, ReLU, pooling, softmax", flops, everything),
    ]


def _convention(name: str, products: list[int], others: int = 0) -> dict[str, Any]:
    """A row of `count_by_conventions`.

    Computing the gradients of a product costs twice the product, but the first layer computes none
    for the pixels. For any other operation they cost as much as its forward pass.

    Args:
        name: what is counted.
        products: operations of each layer's product.
        others: all other operations.
    """
    forward = sum(products)
    return {
        "name": name,
        "forward": forward + others,
        "training": 3 * forward - products[0] + 2 * others,
    }


def _parameters_x_positions(shape: LayerShape) -> int:
    """A count of many course notes: a layer's parameters, with biases, times its positions."""
    positions = 1 if shape.spec.kind is Kind.local else shape.out_size**2
    return (shape.weights + shape.biases) * positions


def _activation_bytes(model: ModelSpec, shape: LayerShape, batch: int) -> int:
    """Bytes of the layer's float32 tensors that the backward pass reads.

    A tensor is kept if the op that makes it or the one that reads it needs it for its gradient.
    Positions of maxima and masks of dropout are not counted.
    """
    ops = [(op, count) for op, count in active_ops(model, shape) if not _passes_on(model, op)]
    makers = [False, *(op is Op.act and model.activation in KEEP_OUTPUT for op, _ in ops)]
    readers = [*(_needs_input(model, op) for op, _ in ops), True]  # the next product does
    counts = [shape.neurons, *(count for _, count in ops)]
    elements = sum(
        count
        for count, maker, reader in zip(counts, makers, readers, strict=True)
        if maker or reader
    )
    if model.activation is Activation.rrelu:  # the slopes that it draws
        elements += sum(count for op, count in ops if op is Op.act)
    return FLOAT_BYTES * batch * elements


def _passes_on(model: ModelSpec, op: Op) -> bool:
    """Whether the output of an op is its input."""
    if op is Op.act:
        return model.activation is Activation.identity
    return op is Op.dropout and model.dropout.rate == 0


def _needs_input(model: ModelSpec, op: Op) -> bool:
    """Whether the gradient of an op needs its input: that of dropout needs the mask only."""
    if op is Op.act:
        return model.activation not in KEEP_OUTPUT
    return op is not Op.dropout


def _tower_share(shape: LayerShape, tower: int) -> dict[str, int]:
    """One tower's share of the counts of a layer.

    The first tower adds the biases of the class scores and sums the towers' partial scores.
    """
    share = 1 / shape.towers
    if shape.last:
        share = 1.0 if tower == 0 else 0.0
    shared_params = (shape.params - shape.biases) / shape.towers
    return {
        "neurons": round(shape.neurons * share),
        "params": round(shared_params + shape.biases * share),
        "macs": shape.macs // shape.towers,
    }


def _other_flops(model: ModelSpec, shape: LayerShape) -> int:
    """Operations after the product: activation, norm, pooling and softmax.

    An activation is one operation for each element, a pooling one for each element of the window,
    a response norm n + 6 for a window of n (11 in the paper; counted as in thop), batch norm 2, the
    softmax 3 for each class: exponent, sum and division. Dropout's factor at test time is not
    counted.
    """
    spatial_norm = model.spatial_lrn.size**2 + 6
    norm_costs = {
        Norm.batch: 2,
        Norm.spatial_lrn: spatial_norm,
        Norm.lrn: model.lrn.size + 6,
        Norm.none: 0,
    }
    costs = {
        Op.act: 1,
        Op.norm: norm_costs[model.norm],
        Op.spatial_norm: spatial_norm,
        Op.pool: (shape.spec.pool or model.pool).size ** 2,
        Op.dropout: 0,
    }
    flops = sum(costs[op] * count for op, count in active_ops(model, shape))
    if shape.last:
        flops += 3 * shape.out_channels
    return flops
