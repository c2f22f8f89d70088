"""Figures as PNG, drawn without a screen. matplotlib is imported by whoever draws."""

from pathlib import Path
from typing import Any


def traffic(found: dict[str, Any], path: Path) -> None:
    """Bytes that the busiest device sends in an update, over the number of devices.

    Args:
        found: see analysis/traffic.py.
        path: of the PNG to write; a panel for each batch size.
    """
    from matplotlib.figure import Figure

    batches = list(dict.fromkeys(row["batch"] for row in found["rows"]))
    figure = Figure(figsize=(5.5 * len(batches), 4.2), layout="constrained")
    panels = figure.subplots(1, len(batches), sharey=True, squeeze=False)[0]
    for panel, batch in zip(panels, batches, strict=True):
        lines: dict[str, list[tuple[int, float]]] = {}
        for row in found["rows"]:
            if row["batch"] == batch:
                name = row["placement"].removesuffix(" x R")
                lines.setdefault(name, []).append((row["devices"], row["per_device"]))
        for name, points in lines.items():
            panel.plot(*zip(*sorted(points), strict=True), marker="o", label=name)
        panel.set(title=f"batch {batch:,}", xlabel="devices", xscale="log", yscale="log")
        panel.set_xscale("log", base=2)
        panel.grid(visible=True, alpha=0.3)
    panels[0].set_ylabel("bytes that a device sends in an update")
    panels[0].legend(fontsize="small")
    figure.suptitle(found["model"])
    figure.savefig(path, dpi=120)
