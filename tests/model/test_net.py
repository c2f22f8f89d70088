"""What every net offers to training and placements, whoever builds it."""

import pytest
import torch

from alexcli.model.layers import Layer
from alexcli.model.net import Net, all_named_parameters
from alexcli.model.ops import Dropout
from alexcli.model.torchvision_models import TorchvisionNet
from alexcli.model.towers import Towers
from tests.conftest import model


def test_other_towers_weights_are_dropped_from_a_state_dict() -> None:
    spec = model("model.width=0.0625")
    state = Towers(spec).state_dict()
    second = Towers(spec, local_towers=[1])
    assert set(second.drop_other_towers(state)) == set(second.state_dict())
    prefixed = {f"net.{name}": tensor for name, tensor in state.items()} | {"epoch": torch.ones(1)}
    remaining = second.drop_other_towers(prefixed, prefix="net.")
    assert set(remaining) == {f"net.{name}" for name in second.state_dict()} | {"epoch"}


def test_parameters_of_the_whole_net_are_named_alike_in_every_process() -> None:
    spec = model("model.width=0.0625")
    whole = [name for name, _ in Towers(spec).named_parameters()]
    second = Towers(spec, local_towers=[1])
    parameters = dict(all_named_parameters(second))
    assert list(parameters) == whole
    assert parameters["tower1.conv1.weight"] is second.layer(1, "conv1").weight
    assert parameters["tower0.conv1.weight"].is_meta


def test_towers_and_torchvisions_nets_are_nets_with_a_specification() -> None:
    towers: Net = Towers(model("model.width=0.0625"))
    with torch.device("meta"):
        resnet: Net = TorchvisionNet(model("model=resnet18"))
    assert (towers.spec.name, towers.local_towers) == ("alexnet", [0, 1])
    assert (resnet.spec.name, resnet.local_towers) == ("resnet18", [0])
    assert [name for name, _ in all_named_parameters(resnet)] == [
        name for name, _ in resnet.named_parameters()
    ]


def test_what_cannot_be_compiled_runs_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    disabled: list[object] = []

    def disable(forward: object) -> object:
        disabled.append(forward)
        return forward

    monkeypatch.setattr(torch.compiler, "disable", disable)
    net = Towers(model("model.width=0.0625"))
    net.compile(backend="eager")
    dropouts = [module for module in net.modules() if isinstance(module, Dropout)]
    assert len(dropouts) == 4  # fc6 and fc7 of two towers
    assert all(dropout.forward in disabled for dropout in dropouts)
    assert not any(layer.forward in disabled for layer in net.modules() if isinstance(layer, Layer))
