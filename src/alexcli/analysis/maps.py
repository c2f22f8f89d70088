"""Feature maps: what each channel of a layer makes of one image.

Legend: C channels, H = W side of a feature map.
"""

from typing import Any

import numpy as np
from torch import Tensor

from alexcli.analysis.subject import Subject
from alexcli.analysis.tiles import tile_rows
from alexcli.errors import UsageError, plural
from alexcli.model.activations import activations, find_layer, with_layers
from alexcli.model.towers import Towers
from alexcli.records.analysis import Analysis, TilesPanel
from alexcli.schema import AnalyzeSpec, Kind
from alexcli.tables import Table

KEYS = ("layer", "images", "count")
"""The keys of `AnalyzeSpec` that it reads."""
ACROSS = 16
"""Feature maps in a row."""
INPUT_INCHES = 1.6
"""Side of the image above its feature maps."""
LEAST_SIDE = 6
"""Least side of a feature map, in positions; smaller ones show nothing and are left out."""


def run(spec: AnalyzeSpec, subject: Subject) -> Analysis:
    """Draw the feature maps of the first image, with one scale for each layer.

    Args:
        spec: `layer`; null for some feature maps of every layer whose maps are large enough.
        subject: the net and the image.

    Raises:
        UsageError: there is no such layer, or it has no feature maps.
    """
    net = with_layers(subject.net)
    layers = _layers_with_maps(net, spec.layer, subject.name)
    sample = subject.read_sample()
    outputs = activations(net, subject.preprocess.crop(sample.pixels[:1]), layers)
    rows = []
    shown = sample.pixels[:1].cpu().numpy()[None]
    panels = [TilesPanel(shown, title="the image", inches=INPUT_INCHES)]
    for name, (channels,) in outputs.items():
        rows.append(_row(name, channels))
        towers = len(net.local_towers)
        per_tower = len(channels) // towers
        count = per_tower if spec.layer else min(ACROSS, per_tower)
        panels.append(_panel(name, channels, towers, count))
    file = sample.files[0]
    table = Table.from_records(
        f"feature maps of {file}, {subject.name}",
        rows,
        "zeros: outputs that are zero; dead channels: zero everywhere in this image",
        fractions=("zeros",),
    )
    return Analysis(
        title=f"Feature maps of {file}",
        tables=[table],
        panels=panels,
        caption="After activation, normalisation and pooling; the feature maps of a layer share "
        "one scale, the strongest output is white; towers one below the other "
        f"({net.spec.towers}). Run {subject.name}.",
    )


def _layers_with_maps(net: Towers, name: str | None, run_name: str) -> list[str]:
    """The layers to show.

    Args:
        net: the net.
        name: of a layer; None for all whose feature maps have a side of at least LEAST_SIDE, or
            else the first.
        run_name: name of the net in messages.

    Raises:
        UsageError: there is no such layer, or it has no feature maps.
    """
    shapes = [shape for shape in net.shapes if shape.spec.kind is not Kind.fc]
    layers = [shape.name for shape in shapes]
    if name is None and layers:
        clear = [shape.name for shape in shapes if shape.end_size >= LEAST_SIDE]
        return clear or layers[:1]
    shape = net.shapes[0] if name is None else find_layer(net, name)
    if shape.name in layers:
        return [shape.name]
    raise UsageError(
        f"layer {shape.name} of {run_name} is fully connected: it has no feature maps",
        hint=f"layer={layers[-1]}" if layers else "--run another run",
    )


def _row(name: str, channels: Tensor) -> dict[str, Any]:
    """Statistics of one layer's outputs.

    Args:
        name: of the layer.
        channels: (C, H, W) float32.
    """
    zero = channels == 0
    return {
        "layer": name,
        "channels": len(channels),
        "side": channels.shape[-1],
        "zeros": float(zero.float().mean()),
        "dead channels": int(zero.flatten(1).all(dim=1).sum()),
        "mean": float(channels.mean()),
        "strongest": float(channels.max()),
    }


def _panel(name: str, channels: Tensor, towers: int, count: int) -> TilesPanel:
    """Feature maps, one tower below the other.

    Args:
        name: of the layer.
        channels: (C, H, W) float32, the towers' channels one after the other.
        towers: how many towers share the channels.
        count: feature maps of each tower to show.
    """
    low, high = channels.aminmax()
    scaled = ((channels - low) / (high - low).clamp_min(1e-30)).cpu().numpy()[..., None]
    parts = np.split(scaled, towers)
    tiles = np.concatenate([tile_rows(part[:count], ACROSS) for part in parts])
    shown = "all" if count == len(parts[0]) else f"{count} of"
    maps = plural(len(parts[0]), "feature map")
    return TilesPanel(tiles, title=f"{name}: {shown} {maps} of each tower")
