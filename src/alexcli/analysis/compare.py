"""LeNet-5 to ResNet-152 in one table, VGG-16 layer by layer, and slips that are copied."""

from collections.abc import Callable
from typing import Any

from alexcli.analysis import read_yaml, worded
from alexcli.model.shapes import followed_by, trace
from alexcli.results import Analysis
from alexcli.schema import Kind, ModelSpec, Norm, Op

HAS = ("dropout", "LRN", "batch norm", "inception")


def run(model: Callable[[str], ModelSpec]) -> Analysis:
    """Count those nets that have a configuration; the others are counted in published.yaml.

    Args:
        model: gives the net of a configuration's name.
    """
    known = read_yaml("published")
    rows, sources = [], []
    for net in known["nets"]:
        found = net if "conf" not in net else net | _counted(model(net["conf"]))
        counts = found["counts"]
        parts = [counts[key] for key in ("layers", "convs", "kernels", "fc")]
        has = [word in found["has"] for word in HAS]
        sizes = [counts["params"] / 1e6, counts["macs"] / 1e9]
        rows.append([net["name"], str(net["year"]), *parts, *has, *sizes, net["top5"]])
        sources.append([net["name"], net["top5"], net["source"], net.get("torchvision", "")])
    slips = [[slip["says"], slip["right"], slip["source"]] for slip in known["slips"]]
    return worded("compare", [rows, sources, _lecture(model("vgg16")), slips], {})


def _counted(model: ModelSpec) -> dict[str, Any]:
    """Counts of a net from its shapes."""
    shapes = trace(model)
    convs = [shape for shape in shapes if shape.spec.kind is not Kind.fc]
    ops = {op for shape in shapes for op, _ in followed_by(model, shape)}
    has = {"dropout": Op.dropout in ops, "LRN": Op.norm in ops and model.norm is Norm.lrn}
    params = sum(s.params for s in shapes)
    kernels = " ".join(map(str, sorted({shape.spec.kernel for shape in convs})))
    counts = {"layers": len(shapes), "convs": len(convs), "kernels": kernels, "params": params}
    counts |= {"fc": len(shapes) - len(convs), "macs": sum(shape.macs for shape in shapes)}
    return {"counts": counts, "has": [word for word, there in has.items() if there]}


def _lecture(model: ModelSpec) -> list[list[Any]]:
    """Numbers that a picture needs and weights, as CS231n counts them: without biases."""
    side = model.input.size
    rows: list[list[Any]] = [
        ["input", f"{side} x {side} x {model.input.channels}", side**2 * model.input.channels, 0]
    ]
    for shape in trace(model):
        size = f"{shape.out_size} x {shape.out_size} x {shape.out_channels}"
        rows.append([shape.name, size, shape.neurons, shape.weights])
        for op, count in followed_by(model, shape):
            if op is Op.pool:
                end = f"{shape.end_size} x {shape.end_size} x {shape.out_channels}"
                rows.append([f"pool after {shape.name}", end, count, 0])
    return [*rows, ["total", "", sum(row[2] for row in rows), sum(row[3] for row in rows)]]
