"""The table's counts against torchvision's nets and arithmetic of our own."""

from typing import Any

import pytest
import torch
from torch import nn

from alexcli.analysis import compare, read_yaml
from tests.conftest import model


def _published(name: str) -> dict[str, Any]:
    return next(net for net in read_yaml("published")["nets"] if net["name"] == name)


def test_the_table_has_every_net_and_vgg_adds_up() -> None:
    nets, sources, lecture, slips = compare.run(lambda name: model(f"model={name}")).tables
    assert len(nets.rows) == len(sources.rows) == 12
    rows = {row[0]: row for row in nets.rows}
    assert rows["VGG-16"][2:6] == [16, 13, "3", 3]
    assert rows["VGG-19"][10] == pytest.approx(143.667240)
    assert rows["AlexNet, two towers"][6:10] == [True, True, False, False]
    assert rows["GoogLeNet"][9] is True
    assert lecture.total == ["total", "", 15_237_608, 138_344_128]
    assert lecture.rows[1][2:] == [3_211_264, 1_728]
    assert len(slips.rows) >= 6


@pytest.mark.parametrize("layers", [18, 50, 152])
def test_resnets_have_the_published_counts(layers: int) -> None:
    from torchvision import models

    with torch.device("meta"):
        net = getattr(models, f"resnet{layers}")()
        for block in net.modules():  # as published: the first 1x1 of a block has the stride
            if isinstance(block, models.resnet.Bottleneck) and block.stride != 1:
                block.conv1.stride, block.conv2.stride = block.conv2.stride, block.conv1.stride
        macs: list[int] = []
        convs = [m for m in net.modules() if isinstance(m, nn.Conv2d)]
        for conv in convs:
            conv.register_forward_hook(
                lambda m, _, out: macs.append(out.numel() * m.weight[0].numel())
            )
        net.eval()(torch.zeros(1, 3, 224, 224))
    counts = _published(f"ResNet-{layers}")["counts"]
    assert counts["params"] == sum(p.numel() for p in net.parameters())
    assert counts["macs"] == sum(macs) + net.fc.weight.numel()
    assert counts["convs"] == len(convs)


def test_googlenet_has_the_counts_of_its_papers_table() -> None:
    """arXiv 1409.4842, table 1: input, 1x1, 3x3 after its 1x1, 5x5 after its 1x1, pool's 1x1."""
    blocks = [
        *((192, 64, 96, 128, 16, 32, 32, 28), (256, 128, 128, 192, 32, 96, 64, 28)),
        *((480, 192, 96, 208, 16, 48, 64, 14), (512, 160, 112, 224, 24, 64, 64, 14)),
        *((512, 128, 128, 256, 24, 64, 64, 14), (512, 112, 144, 288, 32, 64, 64, 14)),
        *((528, 256, 160, 320, 32, 128, 128, 14), (832, 256, 160, 320, 32, 128, 128, 7)),
        (832, 384, 192, 384, 48, 128, 128, 7),
    ]
    convs = [(3, 64, 7, 112), (64, 64, 1, 56), (64, 192, 3, 56)]
    for seen, one, to3, three, to5, five, pool, side in blocks:
        convs += [(seen, one, 1, side), (seen, to3, 1, side), (to3, three, 3, side)]
        convs += [(seen, to5, 1, side), (to5, five, 5, side), (seen, pool, 1, side)]
    counts = _published("GoogLeNet")["counts"]
    assert counts["convs"] == len(convs)
    assert counts["params"] == sum(i * o * k * k + o for i, o, k, _ in convs) + 1_025_000
    assert counts["macs"] == sum(i * o * k * k * s * s for i, o, k, s in convs) + 1_024_000
