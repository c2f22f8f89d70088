"""The signal that reaches each layer and the class scores before the first step."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.func import functional_call

from alexcli.analysis import Subject, worded
from alexcli.errors import UsageError
from alexcli.model.towers import Towers, activations
from alexcli.results import Analysis, Panel

NORMALISED = 57.4  # 255 x 0.225, by which ports divide pixels (torchvision's normalisation)
SMALL = 0.01  # the std of section 5, and of every port
# Spread of a score between pictures, measured (docs/analyses.md): 0.2 as the 2012 source begins,
# 0.015 as the paper's text does, 0.0003 as ports do.
GOOD, POOR = 0.005, 0.0005


def run(fresh: Subject) -> Analysis:
    """Measure a net with its initial weights on pictures, without dropout or noise.

    Args:
        fresh: the net that `train` would begin with, and pictures with labels.

    Raises:
        UsageError: fewer than two pictures, or one without a label.
    """
    net, (images, _, labels) = fresh.net, fresh.pictures()
    if None in labels or len(labels) < 2:
        raise UsageError.of("analyze.unlabelled", labels=labels)
    x = fresh.preprocess.view(images)
    layers = [shape.name for shape in net.shapes]
    acts = activations(net, x, layers)
    true = torch.tensor([fresh.names.index(str(label)) for label in labels], device=x.device)
    F.cross_entropy(net(x), true).backward()  # type: ignore[no-untyped-call]
    rows: list[list[Any]] = []
    for name in layers:
        weights = [net.layer(tower, name).weight for tower in net.mine]
        slope, out = _norm([weight.grad for weight in weights]), acts[name].flatten(1)
        dead = float((out == 0).all(dim=0).float().mean())
        of_weights = slope / max(_norm(weights), 1e-30)
        rows.append([name, float(out.std()), spread(out), dead, slope, of_weights])
    starts = _starts(net, x)
    reached = spread(net(x).detach())
    verdict = "all but dead at the start"
    if reached >= POOR:
        weak = reached < GOOD
        verdict = "weak: learning may begin late" if weak else "the signal reaches the scores"
    if max(row[3] for row in rows) > 0.9:
        verdict += "; a layer is nearly all dead units"
    times = starts[0][2] / max(starts[-1][2], 1e-30)
    known = {"fresh": fresh, "count": len(images), "reached": reached, "verdict": verdict}
    lines = {
        word: {"x": layers, "y": [row[column] for row in rows]}
        for word, column in (("std of outputs", 1), ("spread between pictures", 2))
    }
    panel = Panel("lines", "", lines, "layer", "output, in units of the layer", log="y")
    return worded("init", [rows, starts], known | {"times": times}, [panel])


def spread(values: Tensor) -> float:
    """Standard deviation between pictures, (N, U), averaged over units."""
    return float(values.std(dim=0).mean())


def _norm(parts: list[Any]) -> float:
    return float(torch.stack([part.detach().norm() for part in parts]).norm())


@torch.no_grad()
def _starts(net: Towers, x: Tensor) -> list[list[Any]]:
    """Spread of the scores for other pixels, stds and biases; the net is left as it is."""
    rows: list[list[Any]] = []
    for pixels, inputs in (("as configured", x), ("normalised", x / NORMALISED)):
        for most, words in ((float("inf"), "as configured"), (SMALL, f"at most {SMALL}")):
            row: list[Any] = [pixels, words]
            for factor in (1, 0.1, 0):
                start = {
                    name: value * (min(1, most / float(value.std())) if value.dim() > 1 else factor)
                    for name, value in net.named_parameters()
                }
                row.append(spread(functional_call(net, start, inputs)))
            rows.append(row)
    return rows
