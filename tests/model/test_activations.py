"""Layers by name, and their outputs."""

from typing import Any

import pytest
import torch

from alexcli.errors import UsageError
from alexcli.model.activations import (
    activations,
    find_layer,
    last_hidden_layer,
    layer_outputs,
    recording,
    with_layers,
)
from alexcli.model.torchvision_models import TorchvisionNet
from alexcli.model.towers import Towers
from alexcli.schema import LayerPoint
from tests.conftest import model


@pytest.fixture
def net() -> Towers:
    return Towers(model("model=tiny")).eval()


def test_activations_are_what_the_next_layer_reads(net: Towers) -> None:
    x = torch.randn(3, 3, 32, 32)
    outputs = activations(net, x, ["conv1", "fc7", "fc8"])
    assert outputs["conv1"].shape == (3, 32, 7, 7)
    halves = outputs["fc7"].chunk(2, dim=1)
    scores: Any = sum(net.layer(tower, "fc8")(half) for tower, half in enumerate(halves))
    torch.testing.assert_close(scores, net(x))
    torch.testing.assert_close(outputs["fc8"], net(x))


def test_activations_have_no_gradient_and_leave_no_hook_behind(net: Towers) -> None:
    x = torch.randn(1, 3, 32, 32)
    assert not activations(net, x, ["conv1"])["conv1"].requires_grad
    assert not net.layer(0, "conv1")._forward_hooks
    with pytest.raises(RuntimeError):
        activations(net, torch.randn(1, 7, 32, 32), ["conv1"])
    assert not net.layer(0, "conv1")._forward_hooks


def test_a_layer_is_found_by_its_name(net: Towers) -> None:
    assert find_layer(net, "conv2") is net.shapes[1]


@pytest.mark.parametrize(
    ("name", "hint"), [("conv9", "did you mean layer=conv"), ("pool", "layer=conv1")]
)
def test_an_unknown_layer_is_answered_with_those_that_exist(
    net: Towers, name: str, hint: str
) -> None:
    with pytest.raises(
        UsageError, match=f"layer={name} does not exist; tiny has conv1, "
    ) as caught:
        find_layer(net, name)
    assert caught.value.hint is not None
    assert caught.value.hint.startswith(hint)


def test_the_last_hidden_layer_stands_before_the_class_scores(net: Towers) -> None:
    assert last_hidden_layer(net).name == "fc7"
    layers = [f"model.layers.{shape.name}=null" for shape in net.shapes[:-1]]
    assert last_hidden_layer(Towers(model("model=tiny", *layers))).name == "fc8"


def test_an_analysis_of_torchvisions_layers_is_refused_in_one_message(net: Towers) -> None:
    assert with_layers(net) is net
    with torch.device("meta"):
        resnet = TorchvisionNet(model("model=resnet18"))
    with pytest.raises(UsageError, match="its layers are not known here") as caught:
        with_layers(resnet)
    assert "'resnet18'" in caught.value.message


def test_a_layers_outputs_are_taken_before_or_after_its_activation(net: Towers) -> None:
    x = torch.randn(2, 3, 32, 32)
    product = layer_outputs(net, x, "conv1", LayerPoint.product)
    by_hand = [
        net.layer(tower, "conv1").product(x.contiguous(memory_format=torch.channels_last))
        for tower in net.local_towers
    ]
    torch.testing.assert_close(product, torch.cat(by_hand, dim=1))
    assert (product < 0).any()
    activation = layer_outputs(net, x, "conv1", LayerPoint.activation)
    torch.testing.assert_close(activation, product.clamp_min(0))
    output = layer_outputs(net, x, "conv1", LayerPoint.output)
    torch.testing.assert_close(output, activations(net, x, ["conv1"])["conv1"])
    assert output.shape[-1] < activation.shape[-1], "the output is pooled"
    assert net.layer(0, "conv1").may_fuse


def test_the_outputs_of_the_last_layer_are_the_class_scores(net: Towers) -> None:
    x = torch.randn(2, 3, 32, 32)
    for point in (LayerPoint.product, LayerPoint.output):
        torch.testing.assert_close(layer_outputs(net, x, "fc8", point), net(x))
    with pytest.raises(UsageError, match="layer fc8 has no activation function"):
        layer_outputs(net, x, "fc8", LayerPoint.activation)


def test_recorded_outputs_are_those_that_the_scores_depend_on(net: Towers) -> None:
    x = torch.randn(1, 3, 32, 32)
    with recording(net, ["conv5"], LayerPoint.activation) as outputs:
        score = net(x)[0, 3]
    gradients = torch.autograd.grad(score, outputs["conv5"])
    assert all(bool((gradient != 0).any()) for gradient in gradients)
