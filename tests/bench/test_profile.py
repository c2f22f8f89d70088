"""Where the time of a step goes."""

import torch
from torch import nn

from alexcli.bench import profile
from alexcli.bench.baselines import Work
from alexcli.bench.profile import OPERATORS, OTHERS, _timed_parts
from alexcli.rng import DropoutContext
from alexcli.run.build import build_net
from tests.conftest import small


def test_our_layers_and_norms_are_timed_once_for_all_towers() -> None:
    names = [name for name, _ in _timed_parts(build_net(small()))]
    assert names.count("conv1") == 2  # one a tower
    assert {"conv1 norm", "conv2 norm", "fc8"} <= set(names)


def test_parts_without_children_are_timed_in_other_nets() -> None:
    net = nn.Sequential(nn.Conv2d(3, 4, 2), nn.Sequential(nn.ReLU()))
    assert [name for name, _ in _timed_parts(net)] == ["0", "1.0"]


def test_a_pass_and_a_step_are_divided_into_parts() -> None:
    net = build_net(small())
    x = torch.randn(2, 3, 32, 32)
    rule = torch.optim.SGD(net.parameters(), 0.1)
    work = Work(net, rule, (x, DropoutContext(0, 0)), bf16=False)
    forward = profile._forward_by_layer(work, rounds=1)
    assert set(forward) >= {"conv1", "conv1 norm", "fc8"}
    training = profile._training_by_operator(work, 2, rounds=1)
    assert set(training) == {*OPERATORS, OTHERS}
    assert sum(training.values()) > 0
