"""Receptive fields against published ones, and against what gradients reach in real nets."""

import pytest
import torch

from alexcli.analysis.receptive_field import receptive_fields
from alexcli.config.compose import compose
from alexcli.model.activations import layer_outputs
from alexcli.model.shapes import trace
from alexcli.model.towers import Towers
from alexcli.schema import AnalyzeSpec, LayerPoint, ModelSpec

TINY = (
    "model=tiny",
    "model.norm=none",
    "model.input.size=160",
    "model.pool.kind=avg",
    "model.activation=sigmoid",
    "model.dropout.rate=0",
)
"""Whatever an output depends on has a gradient: nothing is zero, and averages choose nothing."""


def _model(*overrides: str) -> ModelSpec:
    return compose(list(overrides), AnalyzeSpec).model


def _fields(*overrides: str) -> list[tuple[int, int]]:
    model = _model(*overrides)
    return [(field.size, field.stride) for field in receptive_fields(model, trace(model))]


def test_fields_of_alexnet_are_the_known_ones() -> None:
    """Araujo et al. 2019, distill.pub/2019/computing-receptive-fields: 195 after the last pool."""
    assert _fields("model=alexnet")[:6] == [
        (11, 4),
        (51, 8),
        (99, 16),
        (131, 16),
        (163, 16),
        (195 + 5 * 32, 32),
    ]


def test_a_vgg16_sees_212_pixels_after_its_last_pool() -> None:
    """Araujo et al. 2019; the last convolution sees 196."""
    assert _fields("model=vgg16")[12] == (196, 16)


def test_a_spatial_norm_widens_the_field_and_one_across_channels_does_not() -> None:
    across, none, spatial = (
        _fields("model=tiny", f"model.norm={norm}")[1][0] for norm in ("lrn", "none", "spatial_lrn")
    )
    assert across == none
    assert spatial > none


@pytest.mark.parametrize("layer", ["conv1", "conv2", "conv3"])
def test_gradients_reach_exactly_the_field(layer: str) -> None:
    """Of the outputs in the middle, and of their neighbours one stride further."""
    model = _model(*TINY)
    shapes = trace(model)
    number = [shape.name for shape in shapes].index(layer)
    field = receptive_fields(model, shapes)[number]
    net = Towers(model).double().eval()
    x = torch.zeros(1, 3, 160, 160, dtype=torch.float64, requires_grad=True)
    outputs = layer_outputs(net, x, layer, LayerPoint.product)
    middle = outputs.shape[-1] // 2
    columns = []
    for position in (middle, middle + 1):
        (gradient,) = torch.autograd.grad(
            outputs[0, :, middle, position].sum(), x, retain_graph=True
        )
        seen = (gradient[0] != 0).any(dim=0)
        columns.append(torch.nonzero(seen.any(dim=0)).flatten().tolist())
    first, second = columns
    assert len(first) == field.size
    assert second[0] - first[0] == field.stride
