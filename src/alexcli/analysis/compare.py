"""LeNet-5 to ResNet-152 in one table, VGG-16 layer by layer, and errors that course notes copy."""

from collections.abc import Callable, Sequence
from typing import Any

from alexcli.analysis.published import published
from alexcli.model.shapes import active_ops, trace
from alexcli.records.analysis import Analysis
from alexcli.records.run_summary import RunSummary
from alexcli.schema import Kind, ModelSpec, Norm, Op
from alexcli.tables import Table


def run(model_named: Callable[[str], ModelSpec], reached: Sequence[RunSummary]) -> Analysis:
    """Count the nets that have a configuration; the counts of the others are in published.yaml.

    Args:
        model_named: returns the model of a configuration's name.
        reached: runs of the reduced nets, whose errors are shown beside the published ones.
    """
    nets = published("nets")
    tables = [
        _net_table(nets, model_named),
        *([_reached_table(nets, reached)] if reached else []),
        _source_table(nets),
        _lecture_table(model_named("vgg16")),
        _error_table(),
    ]
    return Analysis("Nets", tables)


def _net_table(nets: Sequence[dict[str, Any]], model_named: Callable[[str], ModelSpec]) -> Table:
    rows = []
    for net in nets:
        counted = _count(model_named(net["conf"])) if "conf" in net else net
        counts = counted["counts"]
        has = counted["has"]
        rows.append(
            {
                "net": net["name"],
                "year": str(net["year"]),
                "layers": counts["layers"],
                "conv": counts["convs"],
                "kernels": counts["kernels"],
                "fc": counts["fc"],
                "drop": "dropout" in has,
                "LRN": "LRN" in has,
                "BN": "batch norm" in has,
                "inc": "inception" in has,
                "params M": counts["params"] / 1e6,
                "MACs G": counts["macs"] / 1e9,
                "top-5": net["top5"],
            }
        )
    return Table.from_records(
        "nets",
        rows,
        "the published nets; layers: in depth; conv: all convolutions, including those on "
        "shortcuts; kernels: their sides; fc: fully connected layers; drop: dropout; BN: batch "
        "norm; inc: inception; params: millions, with biases; MACs: 10^9 for one image; top-5: "
        "error, from the sources below",
        fractions=("top-5",),
    )


def _reached_table(nets: Sequence[dict[str, Any]], reached: Sequence[RunSummary]) -> Table:
    """The errors of reduced nets in runs, beside the published errors of the full nets."""
    published_by_reduced = {net["reduced"]: net for net in nets if "reduced" in net}
    order = list(published_by_reduced)
    of_reduced = [summary for summary in reached if summary.model in order]
    strangers = [summary for summary in reached if summary.model not in order]
    rows = []
    for summary in [
        *sorted(of_reduced, key=lambda summary: order.index(summary.model)),
        *strangers,
    ]:
        net = published_by_reduced.get(summary.model)
        rows.append(
            {
                "net": net["name"] if net else summary.model,
                "year": str(net["year"]) if net else "",
                "top-5 on ImageNet": net["top5"] if net else None,
                "reduced net": summary.model,
                "data": summary.data,
                "epochs": summary.epochs,
                "val error": summary.val_err,
                "test error": summary.test_err,
                "run": summary.name,
            }
        )
    return Table.from_records(
        "reduced nets, as they were trained here",
        rows,
        "errors: top-1 where nothing else is said; a reduced net on small images says little of "
        "the whole net on ImageNet",
        fractions=("top-5 on ImageNet", "val error", "test error"),
    )


def _source_table(nets: Sequence[dict[str, Any]]) -> Table:
    rows = [
        {
            "net": net["name"],
            "top-5": net["top5"],
            "source": net["source"],
            "torchvision's differs": net.get("torchvision", ""),
        }
        for net in nets
    ]
    return Table.from_records("sources", rows, fractions=("top-5",))


def _lecture_table(model: ModelSpec) -> Table:
    """A net as the CS231n lecture counts it: the activations of one image, and the weights."""
    side = model.input.size
    channels = model.input.channels
    rows: list[dict[str, Any]] = [_lecture_row("input", side, channels, side**2 * channels, 0)]
    for shape in trace(model):
        channels = shape.out_channels
        rows.append(
            _lecture_row(shape.name, shape.out_size, channels, shape.neurons, shape.weights)
        )
        for op, count in active_ops(model, shape):
            if op is Op.pool:
                name = f"pool after {shape.name}"
                rows.append(_lecture_row(name, shape.end_size, channels, count, 0))
    total = {
        "layer": "total",
        "output": "",
        "memory": sum(row["memory"] for row in rows),
        "weights": sum(row["weights"] for row in rows),
    }
    return Table.from_records(
        "VGG-16 as the CS231n lecture counts it",
        rows,
        "memory: numbers of one image's forward pass, of products and pools, without ReLU; "
        "weights: without biases",
        total=total,
    )


def _lecture_row(name: str, side: int, channels: int, memory: int, weights: int) -> dict[str, Any]:
    return {
        "layer": name,
        "output": f"{side} x {side} x {channels}",
        "memory": memory,
        "weights": weights,
    }


def _error_table() -> Table:
    rows = [
        {"says": error["says"], "right": error["right"], "source": error["source"]}
        for error in published("course_note_errors")
    ]
    return Table.from_records("errors in lecture and course notes", rows)


def _count(model: ModelSpec) -> dict[str, Any]:
    """Counts of a net from its shapes, in the form of published.yaml's `nets`."""
    shapes = trace(model)
    convs = [shape for shape in shapes if shape.spec.kind is not Kind.fc]
    ops = {op for shape in shapes for op, _ in active_ops(model, shape)}
    has = []
    if Op.dropout in ops:
        has.append("dropout")
    if Op.norm in ops and model.norm is Norm.lrn:
        has.append("LRN")
    kernels = sorted({shape.spec.kernel for shape in convs})
    counts = {
        "layers": len(shapes),
        "convs": len(convs),
        "kernels": " ".join(str(side) for side in kernels),
        "fc": len(shapes) - len(convs),
        "params": sum(shape.params for shape in shapes),
        "macs": sum(shape.macs for shape in shapes),
    }
    return {"counts": counts, "has": has}
