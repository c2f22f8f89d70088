"""Published counts against nets and arithmetic of our own."""

from typing import Any

import pytest
import torch
from torch import nn

from alexcli.analysis.published import published
from alexcli.config.files import choices


def _net(name: str) -> dict[str, Any]:
    return next(net for net in published("nets") if net["name"] == name)


@pytest.mark.parametrize("layers", [18, 50, 152])
def test_resnets_have_the_published_counts(layers: int) -> None:
    from torchvision import models

    with torch.device("meta"):
        net = getattr(models, f"resnet{layers}")()
        for block in net.modules():  # as published: the first 1x1 of a block has the stride
            if isinstance(block, models.resnet.Bottleneck) and block.stride != 1:
                block.conv1.stride, block.conv2.stride = block.conv2.stride, block.conv1.stride
        macs: list[int] = []
        convs = [module for module in net.modules() if isinstance(module, nn.Conv2d)]
        for conv in convs:
            conv.register_forward_hook(
                lambda conv, _, out: macs.append(out.numel() * conv.weight[0].numel())
            )
        net.eval()(torch.zeros(1, 3, 224, 224))
    counts = _net(f"ResNet-{layers}")["counts"]
    assert counts["params"] == sum(parameter.numel() for parameter in net.parameters())
    assert counts["macs"] == sum(macs) + net.fc.weight.numel()
    assert counts["convs"] == len(convs)


def test_googlenet_has_the_counts_of_its_papers_table() -> None:
    """arXiv 1409.4842, table 1: input, 1x1, 3x3 after its 1x1, 5x5 after its 1x1, pool's 1x1."""
    blocks = [
        (192, 64, 96, 128, 16, 32, 32, 28),
        (256, 128, 128, 192, 32, 96, 64, 28),
        (480, 192, 96, 208, 16, 48, 64, 14),
        (512, 160, 112, 224, 24, 64, 64, 14),
        (512, 128, 128, 256, 24, 64, 64, 14),
        (512, 112, 144, 288, 32, 64, 64, 14),
        (528, 256, 160, 320, 32, 128, 128, 14),
        (832, 256, 160, 320, 32, 128, 128, 7),
        (832, 384, 192, 384, 48, 128, 128, 7),
    ]
    convs = [(3, 64, 7, 112), (64, 64, 1, 56), (64, 192, 3, 56)]  # inputs, outputs, kernel, side
    for inputs, n1x1, before3, n3x3, before5, n5x5, after_pool, side in blocks:
        convs += [
            (inputs, n1x1, 1, side),
            (inputs, before3, 1, side),
            (before3, n3x3, 3, side),
            (inputs, before5, 1, side),
            (before5, n5x5, 5, side),
            (inputs, after_pool, 1, side),
        ]
    counts = _net("GoogLeNet")["counts"]
    assert counts["convs"] == len(convs)
    assert counts["params"] == 1_025_000 + sum(i * o * k * k + o for i, o, k, _ in convs)
    assert counts["macs"] == 1_024_000 + sum(i * o * k * k * s * s for i, o, k, s in convs)


def test_labels_of_comparable_nets_are_shipped_experiments() -> None:
    labels = {label for group in published("labels").values() for label in group}
    assert labels <= set(choices("experiment"))
