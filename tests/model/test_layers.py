"""The products of layers, against torch's own and plain loops."""

import pytest
import torch
import torch.nn.functional as F

from alexcli.model.shapes import trace
from alexcli.model.towers import Towers
from tests.conftest import model


def test_224_rounded_up_reads_three_zeros_past_right_and_bottom() -> None:
    net = Towers(model("model=alexnet_145", "model.width=0.0625")).eval()
    conv1 = net.layer(0, "conv1")
    x = torch.randn(1, 3, 224, 224)
    padded = F.conv2d(F.pad(x, (0, 3, 0, 3)), conv1.weight, conv1.bias, 4)
    assert conv1.product(x).shape[-1] == 55
    assert torch.equal(conv1.product(x), padded)


@pytest.mark.parametrize("pad", [0, 1])
@pytest.mark.parametrize("size", [9, 10])
def test_a_kernel_of_one_pixel_takes_every_second_one(pad: int, size: int) -> None:
    conv1 = "model.layers.conv1"
    spec = model("model=tiny", f"{conv1}.kernel=1", f"{conv1}.stride=2", f"{conv1}.pad={pad}")
    layer = Towers(spec).double().layer(0, "conv1")
    x = torch.randn(2, 3, size, size, dtype=torch.float64)
    channels_last = x.contiguous(memory_format=torch.channels_last)
    expected = F.conv2d(x, layer.weight, layer.bias, stride=2, padding=pad)
    found = layer.product(channels_last)
    torch.testing.assert_close(found, expected)
    (gradient,) = torch.autograd.grad(found.square().sum(), layer.weight)
    (expected_gradient,) = torch.autograd.grad(expected.square().sum(), layer.weight)
    torch.testing.assert_close(gradient, expected_gradient)


@pytest.mark.parametrize("rounding", ["floor", "ceil", "pool_up"])
def test_windows_that_lie_in_the_padding_alone_are_counted(rounding: str) -> None:
    """A kernel of one pixel with padding: found by fuzzing, where the next layer did not fit."""
    words = [f"model.layers.conv1.{key}=1" for key in ("kernel", "stride", "pad")]
    spec = model("model=tiny", f"model.rounding={rounding}", "model.input.size=15", *words)
    layer = Towers(spec).layer(0, "conv1")
    assert layer.product(torch.zeros(1, 3, 15, 15)).shape[-1] == 17
    assert trace(spec)[0].out_size == 17


def test_a_local_layer_equals_a_loop_over_positions() -> None:
    net = Towers(model("model=cifar_13", "model.width=0.25")).double()
    layer = net.layer(0, "local3")
    torch.nn.init.normal_(layer.bias)
    x = torch.randn(2, 16, 6, 6, dtype=torch.float64)
    padded = F.pad(x, (1, 1, 1, 1))
    out = layer.product(x)
    for row in range(6):
        for column in range(6):
            patch = padded[:, :, row : row + 3, column : column + 3].flatten(1)
            expected = patch @ layer.weight[row * 6 + column].T + layer.bias[:, row, column]
            torch.testing.assert_close(out[:, :, row, column], expected)


def test_ops_follow_the_product_in_the_order_of_the_specification() -> None:
    paper = Towers(model("model.width=0.0625")).layer(0, "conv1")
    code = Towers(model("model=alexnet_145", "model.width=0.0625")).layer(0, "conv1")
    assert list(paper.ops) == ["act", "norm", "pool"]
    assert list(code.ops) == ["norm", "pool", "act"]
    x = torch.randn(1, 3, 227, 227) * 50
    expected = paper.ops["pool"](paper.ops["norm"](paper.product(x).relu()))
    assert torch.equal(paper(x), expected)


def test_only_one_tower_has_the_bias_of_the_class_scores() -> None:
    net = Towers(model("model.width=0.0625"))
    assert net.layer(0, "fc8").bias is not None
    assert net.layer(1, "fc8").bias is None
    assert net.layer(1, "fc7").bias is not None
