"""Counts of single layers against numbers worked out by hand."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from alexcli.analysis.layer_counts import count_by_conventions, count_layer, count_totals
from alexcli.model.layers import LAYER_TYPES, Layer
from alexcli.model.shapes import trace
from alexcli.rng import DropoutContext
from alexcli.schema import Activation, Kind
from tests.conftest import model

NEURONS = 659_272
MACS = 724_406_816


def _layers(batch: int) -> list[dict[str, Any]]:
    net = model("model=alexnet")
    return [count_layer(net, shape, batch) for shape in trace(net)]


def test_conventions_count_what_their_names_say() -> None:
    net = model("model=alexnet")
    totals = count_totals(net, _layers(batch=2), batch=2)
    rows = {row["name"]: row for row in count_by_conventions(trace(net), totals)}
    assert rows["MACs"]["forward"] == MACS
    assert rows["MACs"]["training"] == 3 * MACS - 105_415_200
    assert rows["2 x MACs, with biases"]["forward"] == 2 * MACS + NEURONS
    # (weights and biases) x positions, layer by layer; conv1 alone 105,705,600.
    positions = 105_705_600 + 307_456 * 729 + (885_120 + 663_936 + 442_624) * 169
    assert rows["parameters x positions"]["forward"] == positions + 58_631_144


def test_other_operations_are_those_of_activation_norm_and_pooling() -> None:
    """conv1: 290,400 ReLUs, as many norms of 11 operations, 27 x 27 x 96 pools of nine."""
    conv1 = _layers(batch=2)[0]
    assert conv1["other_flops"] == 12 * 290_400 + 9 * 27 * 27 * 96
    assert conv1["activation_bytes"] == 4 * 2 * (2 * 290_400 + 27 * 27 * 96)


@pytest.mark.parametrize("activation", Activation)
@pytest.mark.parametrize(
    ("name", "overrides"),
    [
        ("conv1", ["model.norm=batch"]),
        ("conv3", []),
        ("fc7", ["model.dropout.rate=0.5"]),
        ("fc7", ["model.dropout.rate=0"]),
    ],
)
def test_activation_bytes_are_those_that_autograd_keeps(
    activation: Activation, name: str, overrides: list[str]
) -> None:
    spec = model(
        "model=tiny",
        "model.towers=1",
        "model.tail=separate",
        f"model.activation={activation.value}",
        *overrides,
    )
    shape = next(shape for shape in trace(spec) if shape.name == name)
    layer = LAYER_TYPES[shape.spec.kind](shape, spec, tower=0).train()
    nn.init.normal_(layer.weight)
    side = shape.in_size
    x = torch.randn(2, shape.in_channels, *([side, side] if shape.spec.kind is Kind.conv else []))
    kept = _kept_bytes(layer, x)
    assert count_layer(spec, shape, batch=2)["activation_bytes"] == kept


def _kept_bytes(layer: Layer, x: Tensor) -> int:
    """Bytes that autograd keeps of a batch, without input, parameters and statistics of channels.

    Of max pooling and dropout it keeps integers and truth values, which are not counted.
    """
    known = {tensor.untyped_storage().data_ptr() for tensor in (x, *layer.parameters())}
    kept: dict[int, int] = {}
    tensors: list[Tensor] = []  # alive, so that no memory is used twice

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        is_of_images = tensor.dim() > 1 and tensor.dtype == torch.float32
        if is_of_images and storage.data_ptr() not in known:
            tensors.append(tensor)
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        output = layer(x, DropoutContext(seed=0, step=0, row=0))
        _ = output * torch.ones(1, requires_grad=True)  # reads it, as the next product does
    return sum(kept.values())


def test_totals_hold_the_images_too() -> None:
    net = model("model=alexnet")
    layers = _layers(batch=3)
    totals = count_totals(net, layers, batch=3)
    layer_bytes = sum(layer["activation_bytes"] for layer in layers)
    assert totals["activation_bytes"] == layer_bytes + 4 * 3 * 3 * 227**2


@pytest.mark.parametrize("towers", [1, 2, 4])
def test_the_first_tower_has_the_biases_of_the_class_scores(towers: int) -> None:
    net = model("model=alexnet", f"model.towers={towers}")
    shape = trace(net)[-1]
    first, *others = count_layer(net, shape, batch=1)["per_tower"]
    assert first["params"] == shape.weights // towers + 1000
    assert first["neurons"] == 1000
    assert all(other["params"] == shape.weights // towers for other in others)
    assert all(other["neurons"] == 0 for other in others)
