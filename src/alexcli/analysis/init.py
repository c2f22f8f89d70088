"""The signal that reaches each layer and the class scores before the first step.

Legend: N images, U units of a layer, K classes.
"""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.func import functional_call

from alexcli.analysis.subject import SampleImages, Subject
from alexcli.errors import UsageError, plural
from alexcli.model.activations import activations, with_layers
from alexcli.model.layers import Layer
from alexcli.model.towers import Towers
from alexcli.records.analysis import Analysis, Line, LinesPanel
from alexcli.tables import Table

KEYS = ("images", "count")
"""The keys of `AnalyzeSpec` that it reads."""
PORT_PIXEL_SCALE = 57.4
"""255 x 0.225, the divisor of pixels in ports (torchvision's normalisation)."""
PORT_STD = 0.01
"""The standard deviation of section 5, and of every port."""
GOOD_SPREAD = 0.005
POOR_SPREAD = 0.0005
"""Limits of a score's spread over images, for the verdict. Measured (docs/analyses.md): 0.2 with
the 2012 source's initial weights, 0.015 with the paper's, 0.0003 in ports."""
NEARLY_ALL = 0.9
"""Fraction of dead units above which the verdict mentions them."""
BIAS_COLUMNS = {"biases as configured": 1, "biases x 0.1": 0.1, "biases 0": 0}
"""Columns of the second table, and their factors of the biases."""


def run(untrained: Subject) -> Analysis:
    """Measure a net with its initial weights on images, without dropout or noise.

    Args:
        untrained: the net that `train` would start from, and images with labels.

    Raises:
        UsageError: there are fewer than two images, or one has no label.
    """
    net = with_layers(untrained.net)
    sample = untrained.read_sample()
    targets = _targets(untrained, sample)
    x = untrained.preprocess.crop(sample.pixels)
    rows = _layer_rows(net, x, targets.to(x.device))
    starts = starts_of(net, x)
    score_spread = spread(net(x).detach())
    verdict = _verdict(score_spread, most_dead=max(row["dead"] for row in rows))
    count = len(sample.files)
    layer_table = Table.from_records(
        f"signal before the first step, {untrained.name}",
        rows,
        f"on {count:,} images: std of the outputs; spread: standard deviation between images, mean "
        "of units; dead: units that are zero for all; gradient: its norm, and over "
        f"that of the weights. Scores spread by {score_spread:.2g}: {verdict}",
        fractions=("dead",),
    )
    return Analysis(
        title=f"Signal before the first step, {untrained.name}",
        tables=[layer_table, _start_table(starts)],
        panels=[_panel(rows)],
        caption="Standard deviation of each layer's outputs, and between "
        f"{count:,} images (mean of units), with initial weights and without dropout. Scores "
        f"spread by {score_spread:.2g}: {verdict}. The net with which {untrained.name} begins.",
    )


def spread(values: Tensor) -> float:
    """Standard deviation between images, averaged over units.

    Args:
        values: (N, U) float32.
    """
    return float(values.std(dim=0).mean())


@torch.no_grad()
def starts_of(net: Towers, x: Tensor) -> list[dict[str, Any]]:
    """The spread of the scores for different pixel scales, initial weights and biases.

    Args:
        net: the net, which is not changed.
        x: (N, C, H, W) float32, its input.

    Returns:
        Rows `{pixels, std of weights, biases as configured, biases x 0.1, biases 0}`, from the net
        as configured to the usual port.
    """
    inputs = {"as configured": x, "normalised": x / PORT_PIXEL_SCALE}
    largest_stds = {"as configured": float("inf"), f"at most {PORT_STD}": PORT_STD}
    rows: list[dict[str, Any]] = []
    for pixels, input_ in inputs.items():
        for weights, largest_std in largest_stds.items():
            row: dict[str, Any] = {"pixels": pixels, "std of weights": weights}
            for column, factor in BIAS_COLUMNS.items():
                parameters = _scaled_parameters(net, largest_std, factor)
                row[column] = spread(functional_call(net, parameters, input_))
            rows.append(row)
    return rows


def _scaled_parameters(net: Towers, largest_std: float, bias_factor: float) -> dict[str, Tensor]:
    """The weights and biases of all products, made smaller; parameters of ops are left out.

    Args:
        net: the net.
        largest_std: larger standard deviations of a layer's weights are scaled down to this one.
        bias_factor: factor of the biases.
    """
    scaled: dict[str, Tensor] = {}
    for name, layer in net.named_modules():
        if isinstance(layer, Layer):
            std = float(layer.weight.std())
            scaled[f"{name}.weight"] = layer.weight * (
                largest_std / std if std > largest_std else 1
            )
            if layer.bias is not None:
                scaled[f"{name}.bias"] = layer.bias * bias_factor
    return scaled


def _targets(untrained: Subject, sample: SampleImages) -> Tensor:
    """(N,) int64, the classes of the images; UsageError unless at least two have known classes."""
    labels = [label for label in sample.labels if label in untrained.class_names]
    if len(labels) < max(2, len(sample.labels)):
        raise UsageError(
            f"init needs at least two images, all known to be of classes of {untrained.name}; "
            f"here {len(labels)} of {plural(len(sample.labels), 'image')} can be used",
            hint="folders named after its classes: images=DIR, with DIR/CLASS/*",
        )
    return torch.tensor([untrained.class_names.index(label) for label in labels])


def _layer_rows(net: Towers, x: Tensor, targets: Tensor) -> list[dict[str, Any]]:
    """Statistics of each layer's outputs, and of the gradient that reaches its weights.

    Args:
        net: the net.
        x: (N, C, H, W) float32, its input.
        targets: (N,) int64, the true classes.
    """
    layers = [shape.name for shape in net.shapes]
    outputs = activations(net, x, layers)
    loss = F.cross_entropy(net(x), targets)
    loss.backward()  # type: ignore[no-untyped-call]
    rows = []
    for name in layers:
        weights = [net.layer(tower, name).weight for tower in net.local_towers]
        gradient = _norm([weight.grad for weight in weights])
        output = outputs[name].flatten(1)
        rows.append(
            {
                "layer": name,
                "std": float(output.std()),
                "spread": spread(output),
                "dead": float((output == 0).all(dim=0).float().mean()),
                "gradient": gradient,
                "gradient / weight": gradient / max(_norm(weights), 1e-30),
            }
        )
    return rows


def _norm(parts: Sequence[Tensor | None]) -> float:
    """The Euclidean norm of several tensors together."""
    norms = [part.detach().norm() for part in parts if part is not None]
    return float(torch.stack(norms).norm())


def _verdict(score_spread: float, *, most_dead: float) -> str:
    """Interpret the spread of the scores for learning.

    Args:
        score_spread: over images.
        most_dead: the largest fraction of dead units in a layer.
    """
    if score_spread < POOR_SPREAD:
        verdict = "almost no signal at the start"
    elif score_spread < GOOD_SPREAD:
        verdict = "weak: learning may begin late"
    else:
        verdict = "the signal reaches the scores"
    if most_dead > NEARLY_ALL:
        verdict += "; nearly all units of a layer are dead"
    return verdict


def _start_table(starts: Sequence[dict[str, Any]]) -> Table:
    """The second table, from the rows of `starts_of`."""
    configured = starts[0]["biases as configured"]
    port = starts[-1]["biases as configured"]
    return Table.from_records(
        "spread of the scores between images, for other ways to begin",
        starts,
        f"normalised: divided by {PORT_PIXEL_SCALE}, as ports do; the first start spreads the "
        f"scores {configured / max(port, 1e-30):,.0f} times as far as the last one, a port with "
        "the biases of this net",
    )


def _panel(rows: Sequence[dict[str, Any]]) -> LinesPanel:
    layers = [row["layer"] for row in rows]
    return LinesPanel(
        {
            "std of outputs": Line(layers, [row["std"] for row in rows]),
            "spread between images": Line(layers, [row["spread"] for row in rows]),
        },
        x_label="layer",
        y_label="output, in units of the layer",
        log_y=True,
    )
