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
            *(_size(row[key]) for key in ("forward", "backward", "per_device")),
            *(_time(row["seconds"][link]) for link in links),
        ]
        for row in found["rows"]
    ]
    speeds = ", ".join(f"{name} {speed:g} GB/s" for name, speed in found["links"].items())
    return Table(
        title=f"{found['model']}: between devices in one update, float32",
        columns=["placement", "devices", "batch", "forward", "backward", "a device sends", *links],
        rows=rows,
        note="sizes over all devices; times of what the busiest device sends, if nothing overlaps: "
        f"{speeds} each way. hybrid 2014: convolutions data-parallel, fully connected layers "
        "divided (arXiv 1404.5997). Layer by layer: --format json",
    )


def _size(count: float) -> str:
    """Bytes for people."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} TB"


def _time(seconds: float) -> str:
    """Milliseconds for people."""
    return f"{1000 * seconds:.3g} ms"
