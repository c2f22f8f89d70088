"""The tables of `alexcli analyze`: a function for each analysis, by the analysis' name."""

from typing import Any

from alexcli.results import Table


def params(found: dict[str, Any]) -> Table:
    """Layer by layer: see analysis/params.py."""
    rows = [
        [
            layer["name"],
            " x ".join(map(str, layer["output"])),
            layer["sees"],
            layer["neurons"],
            layer["params"],
            layer["macs"],
        ]
        for layer in found["layers"]
    ]
    totals = found["totals"]
    side = found["input"][-1]
    return Table(
        title=f"{found['model']}, {found['input'][0]} x {side} x {side}",
        columns=["layer", "output", "sees", "neurons", "parameters", "MACs"],
        rows=rows,
        total=["total", "", "", totals["neurons"], totals["params"], totals["macs"]],
        note=(
            "output: of the product, before pooling; MACs: multiply-accumulates of one picture's "
            "forward pass, convolution and fully connected, without biases"
        ),
    )


def traffic(found: dict[str, Any]) -> Table:
    """Placement by placement: see analysis/traffic.py."""
    links = list(found["links"])
    rows = [
        [
            *(row[key] for key in ("placement", "devices", "batch")),
            *(_mega(row[key]) for key in ("forward", "backward", "per_device")),
            *(1000 * row["seconds"][link] for link in links),
        ]
        for row in found["rows"]
    ]
    speeds = ", ".join(f"{name} {speed:g} GB/s" for name, speed in found["links"].items())
    return Table(
        title=f"{found['model']}: between devices in one update, float32",
        columns=[
            *("placement", "devices", "batch", "forward MB", "back MB", "each sends"),
            *(f"{link} ms" for link in links),
        ],
        rows=rows,
        note="R: replicas. MB over all devices, MB that the busiest sends, and its time if nothing "
        f"overlaps: {speeds} each way. hybrid 2014: convolutions data-parallel, fully connected "
        "layers divided (arXiv 1404.5997). Layer by layer: --format json",
    )


def _mega(count: float) -> float:
    """Bytes in millions, no more exact than a reader needs."""
    return round(count / 1e6) if count >= 1e8 else round(count / 1e6, 2)
