"""Initial weights: their distributions, and what they depend on."""

import pytest
import torch

from alexcli.model.towers import Towers
from tests.conftest import model


def test_initial_weights_have_the_stds_of_paper_and_code() -> None:
    for name, std in (("alexnet", 0.01), ("alexnet_145", 0.03)):
        net = Towers(model(f"model={name}", "model.width=0.25"))
        assert net.layer(0, "conv3").weight.std().item() == pytest.approx(std, rel=0.02)
        assert net.layer(0, "conv2").weight.std().item() == pytest.approx(0.01, rel=0.02)
        for layer, bias in {"conv1": 0, "conv2": 1, "conv3": 0, "conv4": 1, "fc6": 1}.items():
            assert (net.layer(0, layer).bias == bias).all()


def test_initial_weights_depend_on_the_seed_and_the_tower_alone() -> None:
    spec = model("model.width=0.0625")
    weight = Towers(spec, seed=1).layer(0, "conv1").weight
    torch.manual_seed(5)
    again = Towers(spec, seed=1)
    other_seed = Towers(spec, seed=2)
    assert torch.equal(again.layer(0, "conv1").weight, weight)
    assert not torch.equal(other_seed.layer(0, "conv1").weight, weight)
    assert not torch.equal(again.layer(1, "conv1").weight, weight)


def test_he_scales_with_the_fan_in_over_all_towers_that_a_score_sums() -> None:
    net = Towers(model("model.init=he", "model.width=0.25"))
    conv2 = net.layer(0, "conv2").weight
    assert conv2.std().item() == pytest.approx((2 / (12 * 25)) ** 0.5, rel=0.02)
    scores = net.layer(0, "fc8").weight  # each tower multiplies 512 of 1024 units
    assert scores.shape == (1000, 512)
    assert scores.std().item() == pytest.approx((2 / 1024) ** 0.5, rel=0.02)


def test_torchs_rule_bounds_weights_and_biases_by_the_fan_in() -> None:
    layer = Towers(model("model.init=torch", "model.width=0.25")).layer(0, "conv2")
    bound = (12 * 25) ** -0.5
    assert layer.bias is not None
    for parameter in (layer.weight, layer.bias):
        assert 0.8 * bound < parameter.abs().max() <= bound
