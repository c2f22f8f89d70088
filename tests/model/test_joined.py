"""Layers of all towers at once, against one tower after the other."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from alexcli.model import towers as towers_file
from alexcli.model.towers import Towers
from alexcli.rng import DropoutContext
from tests.conftest import model

PLACE = DropoutContext(seed=3, step=7, row=2)

SMALL_145 = (
    *("model=alexnet_145", "model.width=0.0625", "model.input.size=96", "model.classes=5"),
    *("model.dropout.rate=0.3", "model.lrn.alpha=0.01"),
)
LAST_NORM = ("model=tiny", "model.layers.fc6.ops=[act,norm,dropout]", "model.towers=4")


def _train_step(net: Towers, x: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
    """The class scores of a training step, and the gradients by parameter."""
    scores = net(x, PLACE)
    net.zero_grad()
    F.cross_entropy(scores, torch.arange(len(x)) % scores.shape[1]).backward()
    gradients = {name: p.grad for name, p in net.named_parameters() if p.grad is not None}
    return scores.detach(), gradients


def _pair(*overrides: str) -> tuple[Towers, Towers]:
    """A net whose towers may be computed together, and the same one whose towers may not."""
    together = Towers(model(*overrides)).double()
    separate = Towers(model(*overrides, "model.joined=separate")).double()
    for parameter in together.parameters():
        if parameter.dim() > 1:
            fan_in = parameter[0].numel()
            torch.nn.init.normal_(parameter, 0, (2 / fan_in) ** 0.5)
        else:
            torch.nn.init.normal_(parameter)
    separate.load_state_dict(together.state_dict())
    return together, separate


@pytest.mark.parametrize(
    "overrides",
    [
        ("model=tiny",),
        ("model=tiny", "model.lrn.impl=reference"),
        ("model=tiny", "model.layers.conv2.groups=2"),
        SMALL_145,
        LAST_NORM,
    ],
    ids=["tiny", "reference_norm", "groups_in_a_tower", "code_145", "four_towers"],
)
def test_scores_and_gradients_are_those_of_one_tower_after_the_other(
    overrides: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    together, separate = _pair(*overrides)
    side = together.spec.input.size
    x = torch.randn(6, 3, side, side, dtype=torch.float64) * 60
    expected_scores, expected = _train_step(separate, x)
    monkeypatch.setattr(towers_file.Layer, "forward", None)  # no layer is computed by itself
    scores, gradients = _train_step(together, x)
    assert scores.std() > 1e-3
    torch.testing.assert_close(scores, expected_scores, rtol=1e-10, atol=1e-12)
    assert gradients.keys() == expected.keys() == dict(together.named_parameters()).keys()
    for name, gradient in gradients.items():
        torch.testing.assert_close(gradient, expected[name], rtol=1e-9, atol=1e-13)


@pytest.mark.parametrize(
    "overrides",
    [
        ("model.width=0.25",),  # large maps
        ("model=tiny", "model.towers=1"),
        ("model=tiny", "model.activation=rrelu"),
        ("model=tiny", "model.activation=prelu"),
        ("model=tiny", "model.norm=batch"),
        ("model=tiny", "model.layers.conv3.groups=2"),  # of the channels of all towers
        ("model=tiny", "model.joined=separate"),
    ],
    ids=" ".join,
)
def test_other_nets_compute_one_tower_after_the_other(overrides: tuple[str, ...]) -> None:
    net = Towers(model(*overrides))
    assert not net._joins(torch.zeros(1))


def test_evaluation_and_a_part_of_the_towers_do_not_join() -> None:
    spec = model("model=tiny")
    assert Towers(spec)._joins(torch.zeros(1))
    assert not Towers(spec).eval()._joins(torch.zeros(1))
    assert not Towers(spec)._joins(torch.zeros(1, device="meta"))
    assert not Towers(spec, local_towers=[1])._joins(torch.zeros(1))
