"""All towers on one device."""

import torch

from alexcli.model.towers import Towers
from alexcli.placement.single import SinglePlacement
from tests.conftest import model


def test_the_whole_net_moves_to_the_device() -> None:
    placement = SinglePlacement(torch.device("meta"), 2)
    net = Towers(model("model.width=0.0625"), exchange=placement.exchange)
    placement.place(net)
    assert placement.local_towers == [0, 1]
    assert {parameter.device.type for parameter in net.parameters()} == {"meta"}
