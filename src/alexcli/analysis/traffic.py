"""Bytes between devices per update, layer by layer, for each way to place a net. No torch.

Legend: N images of a global batch, D devices, K classes.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from alexcli.errors import UsageError, plural
from alexcli.model.shapes import trace
from alexcli.records.analysis import Analysis, Line, LinesPanel
from alexcli.schema import AnalyzeSpec, Kind, ModelSpec, TrafficSpec
from alexcli.tables import Table

KEYS = ("model", "traffic")
"""The keys of `AnalyzeSpec` that it reads."""
FLOAT_BYTES = 4
TOWERS = (2, 4)
"""Numbers of towers to compare: the paper's, and the largest in the 2012 lab notes (#120-4gpu)."""
HYBRID = "hybrid 2014"
REPLICATED = " x R"
"""End of the name of a layout with replicated towers."""


@dataclass
class Layout:
    """A way to place a net on devices."""

    name: str
    """Name in tables."""
    model: ModelSpec
    """The net, with the towers that the layout needs."""
    towers: int
    """Towers that have a device of their own."""
    replicas: int
    """Copies of the whole net, among which each batch is divided."""

    @property
    def devices(self) -> int:
        """Devices in use."""
        return self.towers * self.replicas


def run(spec: AnalyzeSpec, model_of_run: ModelSpec | None = None) -> Analysis:
    """Count the bytes that devices exchange in one update in float32.

    Args:
        spec: `model`, whose number of towers is set for each layout, and `traffic`, what to
            compare. An impossible layout (a net that cannot be divided among four towers, more
            devices than images) has no row.
        model_of_run: the net of the run that --run names, instead of `model`.

    Returns:
        Its data: `{model, links: {name: GB/s}, rows: [{placement, towers, replicas, devices, batch,
        forward, backward, per_device, seconds: {link: s}, layers: [{name, forward, backward}]}]}`.
        `forward` and `backward` are bytes over all devices, `per_device` is what each device sends,
        and `seconds` is how long that takes on a link if nothing overlaps and latency is ignored.
        Gradients are reduced by rings, in the backward pass: each of D devices sends
        2 (D - 1) / D of their size.

    Raises:
        UsageError: an impossible net, or a number that is not positive.
    """
    model = model_of_run or spec.model
    traffic = spec.traffic
    trace(model)
    _check_numbers(traffic)
    rows = [
        _row(layout, batch, traffic.links)
        for batch in traffic.batches
        for layout in _layouts(model, batch, traffic.devices)
    ]
    return Analysis(
        title=f"{model.name}: traffic between devices",
        tables=[_table(model, rows, traffic.links)],
        panels=[_panel(rows, batch) for batch in dict.fromkeys(traffic.batches)],
        caption=f"What each device sends, computed from the shapes of {model.name}, not measured.",
        data={"model": model.name, "links": traffic.links, "rows": rows},
    )


def _check_numbers(traffic: TrafficSpec) -> None:
    """Raise UsageError for a number that is not positive."""
    for key, values in (("batches", traffic.batches), ("devices", traffic.devices)):
        if not values or min(values) < 1:
            shown = ",".join(str(value) for value in values)
            raise UsageError(
                f"traffic.{key}=[{shown}] must be whole numbers of at least 1",
                hint=f"traffic.{key}=[2,8]",
            )
    for name, speed in traffic.links.items():
        if not speed > 0:  # refuses NaN too
            raise UsageError(
                f"traffic.links.{name}={speed} must be above 0 GB/s",
                hint=f"traffic.links.{name}=12.5",
            )


def _layouts(model: ModelSpec, batch: int, devices: Sequence[int]) -> Iterator[Layout]:
    """All layouts that exist for a batch of N images and for these numbers of devices."""
    for towers in TOWERS:
        split = replace(model, towers=towers)
        try:
            trace(split)
        except UsageError:  # the net cannot be divided among this many towers
            continue
        yield Layout(plural(towers, "tower"), split, towers, replicas=1)
        for count in devices:
            replicas = count // towers
            if count % towers == 0 and 1 < replicas <= batch:
                yield Layout(f"{plural(towers, 'tower')}{REPLICATED}", split, towers, replicas)
    for count in devices:
        if 1 < count <= batch:
            yield Layout("data parallel", model, towers=1, replicas=count)
            yield Layout(HYBRID, model, towers=1, replicas=count)


def _row(layout: Layout, batch: int, links: Mapping[str, float]) -> dict[str, Any]:
    """The traffic of an update in a layout; see `run`."""
    layers = _layers(layout, batch)
    forward = sum(layer["forward"] for layer in layers)
    backward = sum(layer["backward"] for layer in layers)
    per_device = (forward + backward) / layout.devices
    return {
        "placement": layout.name,
        "towers": layout.towers,
        "replicas": layout.replicas,
        "devices": layout.devices,
        "batch": batch,
        "forward": round(forward),
        "backward": round(backward),
        "per_device": per_device,
        "layers": [
            {
                "name": layer["name"],
                "forward": round(layer["forward"]),
                "backward": round(layer["backward"]),
            }
            for layer in layers
        ],
        "seconds": {link: per_device / (speed * 1e9) for link, speed in links.items()},
    }


def _layers(layout: Layout, batch: int) -> list[dict[str, Any]]:
    """The traffic of each layer in an update: `{name, forward, backward}`, bytes over all devices.

    A tower sends its outputs to every other tower that reads them, and receives gradients of the
    same size. Its partial scores, (N, K), go to every other tower; no gradient returns, because
    each computes the loss. Replicas reduce the gradients of their parameters in a ring.

    The hybrid is that of Krizhevsky 2014 (arXiv 1404.5997, section 4, scheme a): convolutions are
    data-parallel; fully connected layers are divided by units, and each part sees the whole batch.
    Before the first of these layers, each device sends its images' outputs to all others; between
    them, its units' outputs. The gradients that return have the same size.
    """
    model = layout.model
    shapes = trace(model)
    inputs_per_image = model.input.channels * model.input.size**2
    layers = []
    for shape in shapes:
        divided = layout.name == HYBRID and shape.spec.kind is Kind.fc
        parts = layout.devices if divided else layout.towers
        sent = FLOAT_BYTES * batch * (parts - 1)  # bytes of one number, to every other part
        inputs = sent * inputs_per_image if divided or shape.reads_other_towers else 0
        scores = sent * model.classes if shape.last else 0
        if divided:  # each device needs all scores of its own images for the loss
            forward: float = inputs + scores / layout.devices
            backward: float = forward
        else:
            ring = 2 * (layout.replicas - 1) * FLOAT_BYTES * shape.params
            forward = inputs + layout.towers * scores
            backward = inputs + ring
        layers.append({"name": shape.name, "forward": forward, "backward": backward})
        inputs_per_image = shape.out_channels * shape.end_size**2
    return layers


def _table(model: ModelSpec, rows: Sequence[dict[str, Any]], links: Mapping[str, float]) -> Table:
    records = [
        {
            "placement": row["placement"],
            "devices": row["devices"],
            "batch": row["batch"],
            "fwd MB": row["forward"] / 1e6,
            "bwd MB": row["backward"] / 1e6,
            "MB each sends": row["per_device"] / 1e6,
            **{f"{link} ms": 1000 * seconds for link, seconds in row["seconds"].items()},
        }
        for row in rows
    ]
    speeds = ", ".join(f"{name} {speed:g} GB/s" for name, speed in links.items())
    columns = ["placement", "devices", "batch", "fwd MB", "bwd MB", "MB each sends"]
    return Table.from_records(
        f"{model.name}: between devices in one update, float32",
        records,
        "x R: R replicas of all towers; fwd MB and bwd MB: over all devices, in the forward and in "
        "the backward pass; MB each sends: in both passes, by each device; ms: the time that this "
        f"takes if nothing overlaps, at {speeds} each way. {HYBRID}: convolutions are "
        "data-parallel, fully connected layers are divided (arXiv 1404.5997). Layer by layer: "
        "--format json",
        columns=[*columns, *(f"{link} ms" for link in links)],
    )


def _panel(rows: Sequence[dict[str, Any]], batch: int) -> LinesPanel:
    """The bytes that a device sends in an update of one batch, against the number of devices."""
    rows_of_line: dict[str, list[dict[str, Any]]] = {}
    for row in sorted(rows, key=lambda row: row["devices"]):
        if row["batch"] == batch:
            name = row["placement"].removesuffix(REPLICATED)
            rows_of_line.setdefault(name, []).append(row)
    lines = {
        name: Line([row["devices"] for row in group], [row["per_device"] for row in group])
        for name, group in rows_of_line.items()
    }
    return LinesPanel(
        lines,
        x_label="devices",
        y_label="what a device sends in an update",
        y_unit="bytes",
        title=f"batch {batch:,}",
        log_x=True,
        log_y=True,
    )
