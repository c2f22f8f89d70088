"""What each map of a layer makes of one picture."""

import numpy as np

from alexcli.analysis import Subject, sheet, worded
from alexcli.errors import UsageError
from alexcli.model.towers import activations, find_layer
from alexcli.results import Analysis, Panel
from alexcli.schema import AnalyzeSpec, Kind

ACROSS = 16  # maps beside each other


def run(spec: AnalyzeSpec, subject: Subject) -> Analysis:
    """Draw the maps of the first picture, a layer's all on one scale, white the strongest.

    Args:
        spec: `layer`; null for some maps of every layer that has any.
        subject: the net and the picture.

    Raises:
        UsageError: no such layer, or one without maps.
    """
    net, (images, files, _) = subject.net, subject.pictures()
    layers = [shape.name for shape in net.shapes if shape.spec.kind is not Kind.fc]
    if (spec.layer and find_layer(net, spec.layer).name not in layers) or not layers:
        hint = f"layer={layers[-1]}" if layers else "--run another run"
        layer = spec.layer or net.shapes[0].name
        raise UsageError.of("analyze.no_maps", layer=layer, of=subject, hint=hint)
    found = activations(
        net, subject.preprocess.view(images[:1]), [spec.layer] if spec.layer else layers
    )
    panels, rows = [], []
    for name, (maps,) in found.items():
        low, high = maps.aminmax()
        zero = maps == 0
        share, dead = float(zero.float().mean()), int(zero.flatten(1).all(dim=1).sum())
        rows.append([name, len(maps), maps.shape[-1], share, dead, float(maps.mean()), float(high)])
        scaled = ((maps - low) / (high - low).clamp_min(1e-30)).cpu().numpy()[..., None]
        towers = np.split(scaled, len(net.mine))
        count = len(towers[0]) if spec.layer else min(ACROSS, len(towers[0]))
        tiles = np.concatenate([sheet(tower[:count], ACROSS) for tower in towers])
        title = f"{name}: {count} of {len(towers[0])} maps of each tower"
        panels.append(Panel("tiles", title, tiles))
    return worded("maps", [rows], {"subject": subject, "file": files[0]}, panels)
