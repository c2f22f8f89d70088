"""Bytes between devices per update, layer by layer, for each way to place a net. No torch.

Legend: N pictures of a global batch, T towers, D devices, P parameters.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from alexcli.analysis import worded
from alexcli.errors import UsageError
from alexcli.model.shapes import trace
from alexcli.results import Analysis, Panel
from alexcli.schema import AnalyzeSpec, Kind, ModelSpec

FLOAT = 4  # bytes of a float32
TOWERS = (2, 4)  # the paper's, and the largest of the 2012 lab notes (#120-4gpu)


def run(spec: AnalyzeSpec) -> Analysis:
    """Account for what crosses between devices in one update in float32.

    Args:
        spec: the net, whose towers are set to what a placement needs, and `traffic`: what to
            compare. A placement that does not exist for a number (a net that four towers do not
            divide, more devices than pictures) has no row.

    Returns:
        Its data: `{model, links: {name: GB/s}, rows: [{placement, towers, replicas, devices, batch,
        forward, backward, per_device, seconds: {link: s}, layers: [{name, forward, backward}]}]}`.
        `forward` and `backward` are bytes over all devices; `per_device` is what the busiest
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
    rows = [row for batch in wanted.batches for row in _rows(model, batch, wanted.devices)]
    for row in rows:
        speeds = wanted.links.items()
        row["seconds"] = {name: row["per_device"] / (speed * 1e9) for name, speed in speeds}
    table = [
        [row[key] for key in ("placement", "devices", "batch")]
        + [_mega(row[key]) for key in ("forward", "backward", "per_device")]
        + [1000 * seconds for seconds in row["seconds"].values()]
        for row in rows
    ]
    return worded(
        "traffic",
        [table],
        [_panel(rows, batch) for batch in dict.fromkeys(wanted.batches)],
        data={"model": model.name, "links": wanted.links, "rows": rows},
        model=model.name,
        links=", ".join(f"{name} {speed:g} GB/s" for name, speed in wanted.links.items()),
        columns=[f"{link} ms" for link in wanted.links],
    )


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


def _rows(model: ModelSpec, batch: int, devices: Sequence[int]) -> Iterator[dict[str, Any]]:
    for towers in TOWERS:
        split = replace(model, towers=towers)
        try:
            trace(split)
        except UsageError:
            continue
        yield _row(f"{towers} towers", _towers(split, batch, 1), towers, 1, batch)
        for count in devices:
            replicas = count // towers
            if count % towers == 0 and 1 < replicas <= batch:
                found = _towers(split, batch, replicas)
                yield _row(f"{towers} towers x R", found, towers, replicas, batch)
    for count in devices:
        if 1 < count <= batch:
            yield _row("data parallel", _data_parallel(model, count), 1, count, batch)
            hybrid = _hybrid(model, batch, count)
            yield _row("hybrid 2014", hybrid, 1, count, batch)


Bytes = dict[str, tuple[float, float, float]]
"""By layer: forward and backward over all devices, and what the busiest device sends in both."""


def _row(name: str, found: Bytes, towers: int, replicas: int, batch: int) -> dict[str, Any]:
    return {
        "placement": name,
        "towers": towers,
        "replicas": replicas,
        "devices": towers * replicas,
        "batch": batch,
        "forward": round(sum(forward for forward, _, _ in found.values())),
        "backward": round(sum(backward for _, backward, _ in found.values())),
        "per_device": sum(busiest for _, _, busiest in found.values()),
        "layers": [
            {"name": layer, "forward": round(forward), "backward": round(backward)}
            for layer, (forward, backward, _) in found.items()
        ],
    }


def _towers(model: ModelSpec, batch: int, replicas: int) -> Bytes:
    """Towers that meet, and replicas of them that add up their gradients.

    Each tower sends its outputs to every other, and gets as much gradient back; the partial scores
    of N x K go to every other forward, and nothing comes back, because each computes the loss.
    """
    towers, shapes = model.towers, trace(model)
    found: Bytes = {}
    for index, shape in enumerate(shapes):
        there = FLOAT * batch * (towers - 1) * shapes[index - 1].handed_on if shape.exchanged else 0
        back = there
        if shape.last:
            there += FLOAT * batch * (towers - 1) * towers * model.classes
        size = FLOAT * shape.params
        ring = 2 * (replicas - 1) * size
        # The first tower has the bias of the scores; otherwise towers are alike.
        own = size if towers == 1 else size / towers
        busiest = (there + back) / (towers * replicas) + 2 * (replicas - 1) / replicas * own
        found[shape.name] = (there, back + ring, busiest)
    return found


def _data_parallel(model: ModelSpec, devices: int) -> Bytes:
    """One net per device; every gradient is reduced over all."""
    found: Bytes = {}
    for shape in trace(model):
        ring = 2 * (devices - 1) * FLOAT * shape.params
        found[shape.name] = (0, ring, ring / devices)
    return found


def _hybrid(model: ModelSpec, batch: int, devices: int) -> Bytes:
    """Krizhevsky 2014 (arXiv 1404.5997, section 4, scheme a): convolutions data-parallel, fully
    connected layers divided by units, each seeing the whole batch.

    Entering the first fully connected layer, each device sends its pictures' outputs to all others;
    between such layers, its units' outputs. As much gradient comes back.
    """
    shapes = trace(model)
    found: Bytes = {}
    for index, shape in enumerate(shapes):
        if shape.spec.kind is Kind.fc:
            read = shapes[index - 1].handed_on if index else model.input.channels * shape.fan_in
            there = FLOAT * batch * read * (devices - 1)
            # Each device needs all scores of its own share of the pictures for the loss.
            scores = FLOAT * batch * model.classes * (devices - 1) / devices if shape.last else 0
            found[shape.name] = (there + scores, there + scores, 2 * (there + scores) / devices)
        else:
            ring = 2 * (devices - 1) * FLOAT * shape.params
            found[shape.name] = (0, ring, ring / devices)
    return found
