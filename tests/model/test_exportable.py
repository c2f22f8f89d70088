"""Nets whose response norms can be exported."""

import torch

from alexcli.model.exportable import OperatorNorm, exportable_copy
from alexcli.model.lrn import LocalResponseNorm
from alexcli.model.torchvision_models import TorchvisionNet
from alexcli.model.towers import Towers
from alexcli.schema import LrnSpec
from tests.conftest import model


def _norms(net: torch.nn.Module) -> list[type[torch.nn.Module]]:
    return [
        type(part) for part in net.modules() if isinstance(part, LocalResponseNorm | OperatorNorm)
    ]


def test_odd_windows_become_the_operator_and_the_net_stays_as_it_is() -> None:
    net = Towers(model("model=tiny"))
    assert _norms(exportable_copy(net, operator=True)) == [OperatorNorm] * 4
    assert _norms(net) == [LocalResponseNorm] * 4
    assert _norms(exportable_copy(net, operator=False)) == [LocalResponseNorm] * 4


def test_even_windows_and_vectors_stay_arithmetic() -> None:
    even = Towers(model("model=tiny", "model.lrn.size=4"))
    assert set(_norms(exportable_copy(even, operator=True))) == {LocalResponseNorm}
    vectors = Towers(model("model=tiny", "model.layers.fc6.ops=[act,norm]"))
    assert _norms(exportable_copy(vectors, operator=True)).count(LocalResponseNorm) == 2


def test_the_operators_alpha_is_that_of_the_whole_window() -> None:
    norm = OperatorNorm(LocalResponseNorm(LrnSpec(size=5, alpha=1e-4, beta=0.75, k=2.0)))
    assert norm.constants == {"alpha": 5e-4, "beta": 0.75, "bias": 2.0, "size": 5}


def test_a_torchvision_net_is_copied_without_a_change() -> None:
    net = TorchvisionNet(model("model=resnet18", "model.classes=2"))
    duplicate = exportable_copy(net, operator=True)
    assert duplicate is not net
    state = net.state_dict()
    for name, tensor in duplicate.state_dict().items():
        assert torch.equal(tensor, state[name])
