"""Grad-CAM: where in an image the feature maps speak for the predicted class.

Source: Selvaraju et al. 2017 (ICCV, arXiv 1610.02391), equations 1 and 2.

Legend: N images, C channels, H = W side of a feature map, s side of the net's input.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from alexcli.analysis.heat import Predicted, heat_panel, prediction_rows
from alexcli.analysis.subject import Subject
from alexcli.errors import UsageError
from alexcli.model.activations import find_layer, recording, with_layers
from alexcli.model.shapes import LayerShape
from alexcli.model.towers import Towers
from alexcli.records.analysis import Analysis
from alexcli.schema import AnalyzeSpec, Kind, LayerPoint
from alexcli.tables import Table

KEYS = ("layer", "images", "count")
"""The keys of `AnalyzeSpec` that it reads."""


def run(spec: AnalyzeSpec, subject: Subject) -> Analysis:
    """Weight a layer's feature maps by the gradients of the predicted class's score.

    Args:
        spec: `layer`; null for the last one that has feature maps.
        subject: the net and the images.

    Raises:
        UsageError: there is no such layer, or it has no feature maps.
    """
    net = with_layers(subject.net)
    shape = _layer(net, spec.layer, subject.name)
    sample = subject.read_sample()
    maps, predicted = class_activation(net, subject.preprocess.crop(sample.pixels), shape)
    rows = prediction_rows(sample, predicted, subject.class_names)
    strongest = maps.flatten(1).amax(dim=1).tolist()
    side = maps.shape[-1]
    positive = (maps > 0).flatten(1).float().mean(dim=1).tolist()
    table = Table.from_records(
        f"Grad-CAM in {shape.name}, {subject.name}",
        [
            {**row, "strongest": peak, "positive": share}
            for row, peak, share in zip(rows, strongest, positive, strict=True)
        ],
        f"strongest: largest value of the map of {side} x {side} positions; "
        "positive: of the positions, those that speak for the prediction",
        fractions=("positive",),
    )
    size = subject.preprocess.size
    heat = F.interpolate(maps[:, None], (size, size), mode="bilinear", align_corners=False)[:, 0]
    return Analysis(
        title=f"Grad-CAM of the predicted class in {shape.name}",
        tables=[table],
        panels=[heat_panel(sample, heat, rows)],
        caption="Above: what the net sees, with the true label; below: where the feature maps of "
        f"{shape.name} speak for the predicted class, each image scaled by its own strongest place "
        f"(yellow); \u2717: a wrong class. Run {subject.name}.",
    )


def class_activation(net: Towers, x: Tensor, shape: LayerShape) -> tuple[Tensor, Predicted]:
    """The class-activation maps of the predicted classes.

    Args:
        net: the net.
        x: (N, C, s, s) float, its input.
        shape: a layer with feature maps; they are taken after its activation.

    Returns:
        (N, H, W) float32, at least 0: ReLU of the sum over channels of mean gradient times feature
        map; and the predictions.
    """
    point = LayerPoint.activation if "act" in shape.spec.ops else LayerPoint.product
    with torch.enable_grad(), recording(net, [shape.name], point) as outputs:
        scores = net(x)
    predicted = Predicted.from_scores(scores)
    total = scores.gather(1, predicted.indices[:, None]).sum()
    parts = outputs[shape.name]
    gradients = torch.autograd.grad(total, parts)
    maps = torch.cat(parts, dim=1).detach()
    weights = torch.cat(gradients, dim=1).mean(dim=(2, 3), keepdim=True)  # (N, C, 1, 1)
    return torch.relu((weights * maps).sum(dim=1)), predicted


def _layer(net: Towers, name: str | None, run_name: str) -> LayerShape:
    """The layer whose maps are weighted; UsageError if it has none."""
    with_maps = [shape for shape in net.shapes if shape.spec.kind is not Kind.fc]
    if name is None and with_maps:
        return with_maps[-1]
    shape = net.shapes[0] if name is None else find_layer(net, name)
    if shape.spec.kind is Kind.fc:
        raise UsageError(
            f"layer {shape.name} of {run_name} is fully connected: it has no feature maps",
            hint=f"layer={with_maps[-1].name}" if with_maps else "--run another run",
        )
    return shape
