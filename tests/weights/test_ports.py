from pathlib import Path

import pytest
import torch
from torch import Tensor

from alexcli.errors import UsageError
from alexcli.weights.ports import recognize
from tests.weights.grouped_net import random_weights

FILE = Path("port.pth")
SEQUENTIAL = (0, 4, 8, 10, 12)
"""Places of the convolutions where activation, norm and pooling follow the first two."""
WITHOUT_NORM = (0, 3, 6, 8, 10)


def sequential(places: tuple[int, ...]) -> dict[str, Tensor]:
    """The state dict of a port whose layers stand in two torch.nn.Sequential."""
    names = [f"features.{place}" for place in places]
    names += [f"classifier.{place}" for place in (1, 4, 6)]
    pairs = zip(names, random_weights().values(), strict=True)
    return {
        f"{name}.{kind}": tensor
        for name, both in pairs
        for kind, tensor in zip(("weight", "bias"), both, strict=True)
    }


def test_groups_kernels_and_filters_follow_from_the_shapes() -> None:
    port = recognize(sequential(SEQUENTIAL), FILE)
    assert port.base == "bvlc_alexnet"
    assert {
        "model.layers.conv1.filters=8",
        "model.layers.conv1.kernel=11",
        "model.layers.conv1.groups=1",
        "model.layers.conv2.groups=2",
        "model.layers.conv3.groups=1",
        "model.layers.conv5.groups=2",
        "model.layers.fc7.filters=18",
    } <= set(port.overrides)
    assert port.file_names["tower0.conv3.bias"] == "features.8.bias"
    assert torch.equal(port.weights["tower0.fc8.weight"], random_weights()["fc8"][0])
    assert "pools first" in port.assumed[0]


def test_empty_places_in_a_sequential_tell_that_there_are_no_norms() -> None:
    assert "model.norm=none" in recognize(sequential(WITHOUT_NORM), FILE).overrides


def test_a_net_without_groups_and_norms_is_torchvisions() -> None:
    weights = sequential(WITHOUT_NORM)
    for place, channels in ((3, 8), (8, 24), (10, 16)):
        name = f"features.{place}.weight"
        weights[name] = torch.rand(len(weights[name]), channels, 3, 3)
    port = recognize(weights, FILE)
    assert (port.base, port.assumed) == ("owt", [])


def test_names_without_places_and_absent_biases_are_read() -> None:
    weights = {f"net.{name}.weight": weight for name, (weight, _) in random_weights().items()}
    port = recognize(weights, FILE)
    assert port.weights["tower0.conv1.bias"].tolist() == [0] * 8


def test_a_bias_that_only_one_layer_lacks_is_named() -> None:
    weights = sequential(SEQUENTIAL)
    del weights["features.8.bias"]
    with pytest.raises(UsageError, match=r"port\.pth lacks features\.8\.bias, and the other"):
        recognize(weights, FILE)


def test_weights_without_a_place_are_named() -> None:
    weights = {**sequential(SEQUENTIAL), "features.1.running_mean": torch.ones(8)}
    with pytest.raises(UsageError, match=r"no place .*: features\.1\.running_mean \[8\]"):
        recognize(weights, FILE)
    del weights["features.12.weight"]
    with pytest.raises(UsageError, match=r"it has 4 and 3 \(features\.0\.weight \[8, 3, 11, 11\]"):
        recognize(weights, FILE)
