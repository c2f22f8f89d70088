"""Units that never fire, and the weights of each layer, before and after training.

Legend: N images, C channels of a layer (units of an fc layer).
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from alexcli.analysis.subject import Subject
from alexcli.model.activations import activations, with_layers
from alexcli.model.towers import Towers
from alexcli.records.analysis import Analysis, Line, LinesPanel, Panel
from alexcli.tables import Table

KEYS = ("images", "count")
"""The keys of `AnalyzeSpec` that it reads."""
BATCH = 50
"""Images per forward pass, few enough for the feature maps of any layer to fit in memory."""
WIDEST = 6.0
"""Range of the histograms, in standard deviations of the initial weights."""
BINS = 48
WEIGHTS_CAPTION = (
    " Weights: after training, each layer in units of the standard deviation of its initial ones."
)
DEAD = ("dead", "dead before")
"""Columns of fractions."""


def run(subject: Subject) -> Analysis:
    """Count dead channels on images, and compare weights with those before the first step.

    Args:
        subject: the net and the images.

    Returns:
        A row for each layer: `{layer, channels, dead, dead before, weight std, weight std before}`.
        `dead` is the fraction of channels (units of an fc layer) that are zero for every image at
        every position; None for the class scores, which have no activation. The values before
        training are None for imported weights.

    Raises:
        UsageError: torchvision built the net, or there are no images.
    """
    after = with_layers(subject.net)
    start = subject.before_training()
    before = None if start is None else with_layers(start)
    pixels = subject.read_sample().pixels
    x = subject.preprocess.crop(pixels)
    dead_after = _dead(after, x)
    dead_before = None if before is None else _dead(before, x)
    rows: list[dict[str, Any]] = []
    histograms: dict[str, Line] = {}
    for shape in after.shapes:
        name = shape.name
        weights = _weights(after, name)
        drawn = None if before is None else _weights(before, name)
        is_last = name == after.shapes[-1].name
        rows.append(
            {
                "layer": name,
                "channels": len(dead_after[name]),
                "dead": None if is_last else _fraction(dead_after[name]),
                "dead before": None
                if is_last or dead_before is None
                else _fraction(dead_before[name]),
                "weight std": float(weights.std()),
                "weight std before": None if drawn is None else float(drawn.std()),
            }
        )
        if drawn is not None and drawn.std() > 0:
            histograms[name] = _histogram(weights / drawn.std())
    start_note = "unknown, as the weights were imported"
    if before is not None:
        start_note = "with the weights of the first step, those that init_from copied included"
    note = (
        f"on {len(pixels):,} images; dead: channels (fc: units) that are zero for all "
        f"of them, everywhere; before: {start_note}"
    )
    title = f"dead units and weights, {subject.name}"
    return Analysis(
        title=f"Dead units and weights, {subject.name}",
        tables=[Table.from_records(title, rows, note, fractions=DEAD)],
        panels=_panels(rows, histograms),
        caption=f"Dead channels: those that never fire, {note}."
        + (WEIGHTS_CAPTION if histograms else ""),
    )


def _dead(net: Towers, x: Tensor) -> dict[str, Tensor]:
    """By layer, (C,) bool: whether a channel is zero for every image.

    Args:
        net: in evaluation mode.
        x: (N, channels, size, size) float32.
    """
    layers = [shape.name for shape in net.shapes]
    dead: dict[str, Tensor] = {}
    for part in torch.split(x, BATCH):
        for name, output in activations(net, part, layers).items():
            silent = (output.flatten(2) if output.dim() > 2 else output[:, :, None]) == 0
            silent_for_all = silent.all(dim=2).all(dim=0)
            dead[name] = dead[name] & silent_for_all if name in dead else silent_for_all
    return dead


def _fraction(dead: Tensor) -> float:
    return float(dead.float().mean())


def _weights(net: Towers, layer: str) -> Tensor:
    """All weights of a layer as a vector, without its biases."""
    parts = [net.layer(tower, layer).weight for tower in net.local_towers]
    return torch.cat([part.detach().flatten().float().cpu() for part in parts])


def _histogram(weights: Tensor) -> Line:
    """The fraction of weights in each bin; those beyond the ends are counted in the last bins."""
    edges = torch.linspace(-WIDEST, WIDEST, BINS + 1)
    inside = weights.clamp(-WIDEST, WIDEST)
    counts = torch.histc(inside, BINS, -WIDEST, WIDEST)
    middles = (edges[1:] + edges[:-1]) / 2
    return Line(middles.tolist(), (counts / len(weights)).tolist())


def _panels(rows: Sequence[dict[str, Any]], histograms: dict[str, Line]) -> list[Panel]:
    """Dead channels over the layers, and the histograms in one panel."""
    hidden = [row for row in rows if row["dead"] is not None]
    layers = [row["layer"] for row in hidden]
    lines = {"after training": Line(layers, [row["dead"] for row in hidden])}
    if all(row["dead before"] is not None for row in hidden):
        lines["before"] = Line(layers, [row["dead before"] for row in hidden])
    panels: list[Panel] = [
        LinesPanel(lines, x_label="layer", y_label="dead channels", y_unit="percent")
    ]
    if histograms:
        panels.append(
            LinesPanel(
                histograms,
                x_label="weight, in standard deviations of the initial weights",
                y_label="weights",
                y_unit="percent",
                title="weights after training",
            )
        )
    return panels
