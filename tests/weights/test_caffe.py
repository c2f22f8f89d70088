from pathlib import Path

import numpy as np
import pytest
import torch

from alexcli.errors import UsageError
from alexcli.model.towers import Towers
from alexcli.schema import Op, Rounding
from alexcli.weights.caffe import read_caffemodel, read_mean_image
from alexcli.weights.chain import named_weights, specification
from tests.weights.caffe_files import CaffeNetFile, caffemodel, integer, mean_file, number, piece
from tests.weights.grouped_net import INPUT, random_weights, scores

FILE = Path("net.caffemodel")


def _net(content: bytes, size: int = INPUT) -> Towers:
    """The net that alexcli builds of a file."""
    FILE.write_bytes(content)
    chain = read_caffemodel(FILE).chain
    chain.input_size = chain.input_size or size
    net = Towers(specification(chain, "test"))
    net.load_state_dict(named_weights(chain))
    return net.eval()


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("pool_first", [False, True])
@pytest.mark.parametrize("size", [INPUT, 64])
def test_a_net_of_either_form_and_order_gives_caffes_scores(
    legacy: bool, pool_first: bool, size: int
) -> None:
    """64 pixels leave 14 positions after conv1, where pooling up and down differ."""
    weights = random_weights()
    net = _net(caffemodel(weights, pool_first=pool_first, legacy=legacy), size)
    x = torch.randn(2, 3, size, size) * 50
    with torch.inference_mode():
        assert torch.allclose(net(x), scores(weights, x, pool_first=pool_first), atol=1e-5)
    assert (net.spec.rounding is Rounding.pool_up) == (size == 64)


def test_a_wrong_order_would_be_seen() -> None:
    weights = random_weights()
    net = _net(caffemodel(weights, pool_first=True))
    x = torch.randn(2, 3, INPUT, INPUT) * 50
    with torch.inference_mode():
        assert not torch.allclose(net(x), scores(weights, x), atol=1e-2)


def test_the_structure_is_read_from_the_file() -> None:
    FILE.write_bytes(caffemodel(random_weights(), pool_first=True))
    model = specification(read_caffemodel(FILE).chain, "test")
    layers = {name: layer for name, layer in model.layers.items() if layer is not None}
    assert list(layers) == ["conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7", "fc8"]
    assert layers["conv1"].ops == [Op.act, Op.pool, Op.norm]
    assert (layers["conv1"].stride, layers["conv2"].pad, layers["conv2"].groups) == (4, 2, 2)
    assert (model.lrn.k, model.lrn.alpha, model.dropout.rate) == (1, 0.01, 0.5)


def test_a_data_layer_says_size_mean_and_scale() -> None:
    means = b"".join(number(5, value) for value in (104.0, 117.0, 123.0))
    transform = number(1, 0.5) + integer(3, 61) + means
    FILE.write_bytes(caffemodel(random_weights(), legacy=True, transform=transform))
    net = read_caffemodel(FILE)
    assert (net.chain.input_size, net.pixel_scale) == (61, 0.5)
    assert net.mean_pixel == [104, 117, 123]


def test_every_layer_that_does_not_fit_is_named() -> None:
    weights = random_weights()
    net = CaffeNetFile(legacy=False)
    net.add("Convolution", "conv1", integer(4, 11) + integer(18, 2), weights["conv1"])
    net.add("Pooling", "pool1", integer(1, 2) + integer(2, 3))
    net.add("MVN", "mvn1")
    net.add("LRN", "norm1", integer(4, 1))
    net.add("InnerProduct", "fc8")
    FILE.write_bytes(net.content)
    with pytest.raises(UsageError) as caught:
        read_caffemodel(FILE)
    for part in (
        "conv1: dilated by 2",
        "pool1: stochastic pooling",
        "mvn1: MVN",
        "norm1: LRN within channels",
        "fc8: no weights",
    ):
        assert part in caught.value.message


def test_sizes_of_zero_are_named() -> None:
    net = CaffeNetFile(legacy=False)
    product = integer(6, 0) + integer(5, 0)  # stride and group
    net.add("Convolution", "conv1", product, [torch.ones(4, 3, 3, 3)])
    net.add("Pooling", "pool1", integer(2, 3) + integer(3, 0))
    FILE.write_bytes(net.content)
    with pytest.raises(UsageError) as caught:
        read_caffemodel(FILE)
    for part in ("conv1: stride of 0", "conv1: groups of 0", "conv1: pooling stride of 0"):
        assert part in caught.value.message


def test_a_layer_that_reads_two_others_is_named() -> None:
    net = CaffeNetFile(legacy=False)
    net.add("InnerProduct", "fc1", blobs=[torch.ones(2, 3)])
    net.top = "elsewhere"
    net.add("InnerProduct", "fc2", blobs=[torch.ones(2, 2)])
    FILE.write_bytes(net.content)
    with pytest.raises(UsageError, match="fc2: reads elsewhere, not the layer before"):
        read_caffemodel(FILE)


def test_weights_that_are_cut_off_are_named() -> None:
    weights = random_weights()
    content = caffemodel(weights)
    FILE.write_bytes(content[: len(content) // 2])
    with pytest.raises(UsageError, match="truncated or not a Caffe file"):
        read_caffemodel(FILE)
    layer = piece(1, "fc8") + piece(2, "InnerProduct")
    layer += piece(7, piece(7, piece(1, b"\x02\x03")) + piece(5, b"\0" * 8))
    FILE.write_bytes(piece(100, layer))
    with pytest.raises(UsageError, match=r"fc8: 2 numbers for weights of shape \[2, 3\]"):
        read_caffemodel(FILE)


def test_the_oldest_form_is_named() -> None:
    FILE.write_bytes(piece(2, piece(1, piece(1, "conv1"))))
    with pytest.raises(UsageError, match="oldest format") as caught:
        read_caffemodel(FILE)
    assert "upgrade_net_proto_binary" in (caught.value.hint or "")


def test_a_mean_image_is_read_as_it_was_written() -> None:
    mean = np.random.default_rng(0).uniform(0, 255, (3, 4, 4)).astype(np.float32)
    Path("mean.binaryproto").write_bytes(mean_file(mean))
    assert np.array_equal(read_mean_image(Path("mean.binaryproto")), mean)
    Path("bad.binaryproto").write_bytes(piece(5, b"\0" * 8))
    with pytest.raises(UsageError, match="is not a Caffe mean image"):
        read_mean_image(Path("bad.binaryproto"))
