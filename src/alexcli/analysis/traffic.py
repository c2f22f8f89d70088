"""Bytes between devices per update, layer by layer, for each way to place a net. No torch.

Legend: N pictures of a global batch, T towers, D devices, P parameters.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from alexcli.analysis import worded
from alexcli.errors import UsageError
from alexcli.model.shapes import trace
from alexcli.results import Analysis, Panel
from alexcli.schema import AnalyzeSpec, Kind, ModelSpec

FLOAT = 4  # bytes of a float32
TOWERS = (2, 4)  # the paper's, and the largest of the 2012 lab notes (#120-4gpu)
HYBRID = "hybrid 2014"


def run(spec: AnalyzeSpec) -> Analysis:
    """Account for what crosses between devices in one update in float32.

    Args:
        spec: the net, whose towers are set to what a placement needs, and `traffic`: what to
            compare. A placement that does not exist for a number (a net that four towers do not
            divide, more devices than pictures) has no row.

    Returns:
        Its data: `{model, links: {name: GB/s}, rows: [{placement, towers, replicas, devices, batch,
        forward, backward, per_device, seconds: {link: s}, layers: [{name, forward, backward}]}]}`.
        `forward` and `backward` are bytes over all devices; `per_device` is what each
        device sends, and `seconds` is that over the link: nothing overlaps, nothing but volume
        costs time. Gradients are reduced by rings, each of D devices sending 2 (D - 1) / D of
        their size, in the backward pass.

    Raises:
        UsageError: an impossible net, or a number that is not positive.
    """
    model, wanted = spec.model, spec.traffic
    trace(model)
    for key, values in (("batches", wanted.batches), ("devices", wanted.devices)):
        if not values or min(values) < 1:
            raise UsageError.of("analyze.traffic_numbers", key=key, values=values)
    for name, speed in wanted.links.items():
        if not speed > 0:
            raise UsageError.of("analyze.traffic_link", name=name, speed=speed)
    rows = [
        _row(*placement, batch, wanted.links)
        for batch in wanted.batches
        for placement in _placements(model, batch, wanted.devices)
    ]
    table = [
        [row[key] for key in ("placement", "devices", "batch")]
        + [_mega(row[key]) for key in ("forward", "backward", "per_device")]
        + [1000 * seconds for seconds in row["seconds"].values()]
        for row in rows
    ]
    panels = [_panel(rows, batch) for batch in dict.fromkeys(wanted.batches)]
    data = {"model": model.name, "links": wanted.links, "rows": rows}
    links = ", ".join(f"{name} {speed:g} GB/s" for name, speed in wanted.links.items())
    times = [f"{link} ms" for link in wanted.links]
    known = {"model": model, "links": links}
    return worded("traffic", [table], known, panels, data=data, columns=times)


def _panel(rows: Sequence[dict[str, Any]], batch: int) -> Panel:
    lines: dict[str, dict[str, list[float]]] = {}
    for row in sorted(rows, key=lambda row: row["devices"]):
        if row["batch"] == batch:
            line = lines.setdefault(row["placement"].removesuffix(" x R"), {"x": [], "y": []})
            line["x"].append(row["devices"])
            line["y"].append(row["per_device"])
    across, upwards = "devices", "bytes that a device sends in an update"
    return Panel("lines", f"batch {batch:,}", lines, across, upwards, log="xy")


def _mega(count: float) -> float:
    """Bytes in millions, no more exact than a reader needs."""
    return round(count / 1e6) if count >= 1e8 else round(count / 1e6, 2)


def _placements(
    model: ModelSpec, batch: int, devices: Sequence[int]
) -> Iterator[tuple[str, ModelSpec, int, int]]:
    """Name, net, how many towers have a device of their own, and replicas of all that."""
    for towers in TOWERS:
        split = replace(model, towers=towers)
        try:
            trace(split)
        except UsageError:
            continue
        yield f"{towers} towers", split, towers, 1
        for count in devices:
            if count % towers == 0 and 1 < count // towers <= batch:
                yield f"{towers} towers x R", split, towers, count // towers
    for count in devices:
        if 1 < count <= batch:
            yield "data parallel", model, 1, count
            yield HYBRID, model, 1, count


def _row(
    name: str, model: ModelSpec, towers: int, replicas: int, batch: int, links: Mapping[str, float]
) -> dict[str, Any]:
    """What an update sends: exchanges between `parts` of a layer, rings between its replicas.

    A tower sends its outputs to every other, and gets as much gradient back; the partial scores of
    N x K go to every other forward, and nothing comes back, because each computes the loss.

    The hybrid is Krizhevsky 2014 (arXiv 1404.5997, section 4, scheme a): convolutions
    data-parallel, fully connected layers divided by units, each seeing the whole batch. Entering
    the first of these, each device sends its pictures' outputs to all others; between them, its
    units' outputs. As much gradient comes back.
    """
    devices, shapes, layers = towers * replicas, trace(model), {}
    read = [model.input.channels * model.input.size**2]
    read += [shape.out_channels * shape.end_size**2 for shape in shapes]
    for numbers, shape in zip(read, shapes, strict=False):
        divided = name == HYBRID and shape.spec.kind is Kind.fc
        parts = devices if divided else towers
        sent = FLOAT * batch * (parts - 1)  # of each number, to every other part
        there = sent * numbers if divided or shape.exchanged else 0
        scores = sent * model.classes if shape.last else 0
        if divided:  # each device needs all scores of its own share of the pictures for the loss
            layers[shape.name] = (there + scores / devices, there + scores / devices)
        else:
            ring = 2 * (replicas - 1) * FLOAT * shape.params
            layers[shape.name] = (there + towers * scores, there + ring)
    forward, backward = map(sum, zip(*layers.values(), strict=True))
    each = (forward + backward) / devices
    row: dict[str, Any] = {"placement": name, "towers": towers, "replicas": replicas}
    row |= {"devices": devices, "batch": batch}
    row |= {"forward": round(forward), "backward": round(backward), "per_device": each}
    row["layers"] = [
        {"name": layer, "forward": round(there), "backward": round(back)}
        for layer, (there, back) in layers.items()
    ]
    return row | {"seconds": {link: each / (speed * 1e9) for link, speed in links.items()}}
