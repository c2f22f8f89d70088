"""What each map of a layer makes of one picture."""

from typing import Any

import torch

from alexcli.analysis import Subject, worded
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
        raise UsageError.of(
            "analyze.no_maps", layer=spec.layer or "by layer", of=subject, hint=hint
        )
    found = activations(
        net, subject.preprocess.view(images[:1]), [spec.layer] if spec.layer else layers
    )
    panels, rows = [], []
    for name, (maps,) in found.items():
        low, high = maps.amin(), maps.amax()
        zero = float((maps == 0).float().mean())
        dead = int((maps.flatten(1) == 0).all(dim=1).sum())
        rows.append([name, len(maps), maps.shape[-1], zero, dead, float(maps.mean()), float(high)])
        scaled = (255 * (maps - low) / (high - low).clamp_min(1e-30)).byte()
        scaled = scaled.unflatten(0, (len(net.mine), -1))  # (T, C, H, W)
        kept = scaled if spec.layer else scaled[:, :ACROSS]
        kept = torch.nn.functional.pad(kept, (0, 0, 0, 0, 0, -kept.shape[1] % ACROSS), value=255)
        tiles = kept.reshape(-1, ACROSS, *kept.shape[2:])[..., None].expand(-1, -1, -1, -1, 3)
        title = f"{name}: {kept.shape[1]} of {scaled.shape[1]} maps of each tower"
        panels.append(Panel("tiles", title, tiles.cpu().numpy()))
    known: dict[str, Any] = {"run": subject.name, "file": files[0], "towers": len(net.mine)}
    return worded("maps", [rows], panels, **known)
