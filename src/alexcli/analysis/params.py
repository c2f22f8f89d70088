"""Shapes, neurons, parameters, MACs, FLOPs and memory, layer by layer and tower by tower."""

from collections.abc import Sequence
from typing import Any

from alexcli.analysis.layer_counts import count_by_conventions, count_layer, count_totals
from alexcli.analysis.published import published
from alexcli.analysis.receptive_field import receptive_fields
from alexcli.errors import plural
from alexcli.model.shapes import trace
from alexcli.records.analysis import Analysis
from alexcli.schema import AnalyzeSpec, Kind, ModelSpec
from alexcli.tables import Table

KEYS = ("model", "batch")
"""The keys of `AnalyzeSpec` that it reads."""


def run(spec: AnalyzeSpec, model_of_run: ModelSpec | None = None, check: bool = False) -> Analysis:
    """Count a net's parameters, operations and memory.

    Args:
        spec: `model`, and `batch` for the memory.
        model_of_run: the net of the run that --run names, instead of `model`.
        check: whether fvcore and torch's FlopCounterMode count the net too, which imports torch.

    Returns:
        Its data: `{model, input: [C, H, W], batch, layers: [{name, kind, output: [C, H, W], towers,
        reads, neurons, params, weights, biases, macs, flops, other_flops, activation_bytes,
        weight_bytes, training_bytes, per_tower: [{neurons, params, macs}], receptive_field,
        effective_stride}], totals: {the same counts}, conventions: [{name, forward, training}],
        check: [[program, its count, ours, difference, what it counts]]}`. Counts are over all
        towers and of one image, bytes of a batch; `reads` is `own_tower` or `all_towers`;
        `other_flops` are those of activation, norm, pooling and softmax; receptive field and stride
        are in pixels, and an fc layer has no stride (null).

    Raises:
        UsageError: the layers do not fit together.
    """
    model = model_of_run or spec.model
    shapes = trace(model)
    layers = [
        count_layer(model, shape, spec.batch)
        | {
            "receptive_field": field.size,
            "effective_stride": None if shape.spec.kind is Kind.fc else field.stride,
        }
        for shape, field in zip(shapes, receptive_fields(model, shapes), strict=True)
    ]
    totals = count_totals(model, layers, spec.batch)
    conventions = count_by_conventions(shapes, totals)
    checks = _count_with_others(model, totals["macs"]) if check else []
    input_shape = [model.input.channels, model.input.size, model.input.size]
    tables = [
        _layer_table(model, input_shape, layers, totals),
        _memory_table(spec.batch, layers, totals),
        _field_table(model, spec.batch, layers),
        *_tower_tables(model, layers),
        _convention_table(conventions),
        *_quoted_tables(layers, totals),
        *_check_tables(checks),
    ]
    data = {
        "model": model.name,
        "input": input_shape,
        "batch": spec.batch,
        "layers": layers,
        "totals": totals,
        "conventions": conventions,
        "check": [list(row.values()) for row in checks],
    }
    return Analysis(f"{model.name}: parameters", tables, data=data)


def _count_with_others(model: ModelSpec, macs: int) -> list[dict[str, Any]]:
    from alexcli.analysis.other_counters import count_with_others  # imports torch

    return count_with_others(model, macs)


def _layer_table(
    model: ModelSpec,
    input_shape: Sequence[int],
    layers: Sequence[dict[str, Any]],
    totals: dict[str, int],
) -> Table:
    total = {**totals, "name": "total", "output": [], "reads": ""}
    rows = [
        {
            "layer": layer["name"],
            "output": _times(layer["output"]),
            "reads": layer["reads"],
            "neurons": layer["neurons"],
            "parameters": layer["params"],
            "MACs": layer["macs"],
            "FLOPs": layer["flops"],
        }
        for layer in (*layers, total)
    ]
    return Table.from_records(
        f"{model.name}, {_times(input_shape)}",
        rows[:-1],
        "output: of the product, before pooling; MACs: multiply-accumulate operations of one "
        "image's forward pass, in convolutions and fully connected layers, without biases; FLOPs: "
        "2 x MACs",
        total=rows[-1],
    )


def _memory_table(batch: int, layers: Sequence[dict[str, Any]], totals: dict[str, int]) -> Table:
    rows = [
        {
            "layer": layer["name"],
            "activations": layer["activation_bytes"] / 1e6,
            "weights": layer["weight_bytes"] / 1e6,
            "training": layer["training_bytes"] / 1e6,
        }
        for layer in (*layers, {**totals, "name": "total"})
    ]
    return Table.from_records(
        f"memory of a batch of {batch:,} in float32, 10^6 bytes",
        rows[:-1],
        "activations: outputs that the backward pass reads, in the total with the images; "
        "training: activations, weights, gradients and momentum",
        total=rows[-1],
    )


def _field_table(model: ModelSpec, batch: int, layers: Sequence[dict[str, Any]]) -> Table:
    size = model.input.size
    rows = [
        {
            "layer": layer["name"],
            "receptive field": layer["receptive_field"],
            "of the image": min(1.0, layer["receptive_field"] / size),
            "stride": layer["effective_stride"],
            "kB of activations": layer["activation_bytes"] / batch / 1e3,
        }
        for layer in layers
    ]
    return Table.from_records(
        f"what one output sees, in pixels of a side of {size}",
        rows,
        "receptive field: side of the square that an output of the product depends on; where it is "
        "wider than the image, the rest is padding; stride: pixels between the fields of "
        "neighbouring outputs; activations: of one image, as above",
        fractions=("of the image",),
    )


def _tower_tables(model: ModelSpec, layers: Sequence[dict[str, Any]]) -> list[Table]:
    """The first tower's counts; no table for a net of one tower."""
    if model.towers == 1:
        return []
    rows = []
    for layer in layers:
        first, second = layer["per_tower"][:2]
        channels, height, width = layer["output"]
        rows.append(
            {
                "layer": layer["name"],
                "output": _times([channels // layer["towers"], height, width]),
                "neurons": first["neurons"],
                "parameters": first["params"],
                "of another": second["params"],
                "MACs": first["macs"],
            }
        )
    summed = ("neurons", "parameters", "of another", "MACs")
    sums = {column: sum(row[column] for row in rows) for column in summed}
    table = Table.from_records(
        f"the first of {plural(model.towers, 'tower')}",
        rows,
        "of another: parameters of any other tower; each tower adds its part of the class scores, "
        "and the first has their biases",
        total={"layer": "total", "output": "", **sums},
    )
    return [table]


def _convention_table(conventions: Sequence[dict[str, Any]]) -> Table:
    rows = [
        {"convention": row["name"], "forward": row["forward"], "training": row["training"]}
        for row in conventions
    ]
    return Table.from_records(
        "operations for one image, by convention",
        rows,
        "training: the gradients of a product cost twice its forward pass, but none are computed "
        "for the pixels",
    )


def _quoted_tables(layers: Sequence[dict[str, Any]], totals: dict[str, int]) -> list[Table]:
    """Commonly quoted counts of this net; no table for other nets."""
    ours = totals | {layer["name"]: layer["neurons"] for layer in layers}
    rows = [
        {
            "count": quoted["what"],
            "quoted": quoted["says"],
            "ours": quoted["ours"],
            "difference": quoted["says"] - quoted["ours"],
            "reason": quoted["why"],
        }
        for quoted in published("quoted_counts")
        if ours.get(quoted["of"]) == quoted["ours"]
    ]
    return [Table.from_records("commonly quoted counts", rows)] if rows else []


def _check_tables(checks: Sequence[dict[str, Any]]) -> list[Table]:
    """The counts of other programs; no table unless --check was given."""
    return [Table.from_records("the same net, counted by other programs", checks)] if checks else []


def _times(sizes: Sequence[int]) -> str:
    """96 x 55 x 55."""
    return " x ".join(str(size) for size in sizes)
