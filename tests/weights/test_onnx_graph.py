from pathlib import Path
from typing import Any

import onnx
import onnxruntime  # type: ignore[import-untyped]
import pytest
import torch
from torch import Tensor

from alexcli.errors import UsageError
from alexcli.model.towers import Towers
from alexcli.weights.chain import named_weights, specification
from alexcli.weights.onnx_graph import read_onnx
from tests.weights.grouped_net import INPUT, random_weights
from tests.weights.onnx_files import OnnxRow, write_zoo_net

FILE = Path("net.onnx")


def _onnxruntime(x: Tensor) -> Tensor:
    session = onnxruntime.InferenceSession(str(FILE), providers=["CPUExecutionProvider"])
    return torch.from_numpy(session.run(None, {"data_0": x.numpy()})[0])


@pytest.mark.parametrize("pool_first", [False, True])
@pytest.mark.parametrize("size", [INPUT, 64])
def test_a_net_of_the_zoo_gives_onnxruntimes_scores(pool_first: bool, size: int) -> None:
    """64 pixels, as the zoo's 224, leave an even number of positions after conv1."""
    write_zoo_net(FILE, random_weights(), size, pool_first=pool_first)
    chain = read_onnx(FILE).chain
    assert chain.input_size == size
    net = Towers(specification(chain, "test"))
    net.load_state_dict(named_weights(chain))
    x = torch.randn(2, 3, size, size) * 50
    with torch.inference_mode():
        assert torch.allclose(net.eval()(x), _onnxruntime(x), atol=1e-5)


def test_a_free_size_and_matrix_products_are_read() -> None:
    write_zoo_net(FILE, random_weights(), "side", matmul=True, producer="pytorch")
    net = read_onnx(FILE)
    assert (net.chain.input_size, net.producer) == (None, "pytorch")
    bias = named_weights(net.chain)["tower0.fc7.bias"]
    assert torch.equal(bias, random_weights()["fc7"][1])


def test_every_node_that_does_not_fit_is_named() -> None:
    row = OnnxRow()
    row.add("Conv", "c1", torch.rand(4, 3, 3, 5), strides=[1, 2], dilations=[2, 2])
    row.add("LeakyRelu", "leaky")
    row.add("MaxPool", "pool", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    row.top = "c1"
    row.add("GlobalAveragePool", "global")
    row.add("LRN", "norm", size=4)
    row.save(FILE, 9)
    with pytest.raises(UsageError) as caught:
        read_onnx(FILE)
    for part in (
        "c1: dilated by 2",
        "c1: a kernel of 3 x 5",
        "c1: strides [1, 2]",
        "leaky: LeakyRelu",
        "pool: pooling padded by [1, 1, 1, 1]",
        "global: reads c1, not the layer before",
        "global: GlobalAveragePool",
        "norm: an LRN of even size",
    ):
        assert part in caught.value.message


@pytest.mark.parametrize(
    ("form", "value"), [("value_ints", [-1, 48]), ("value_floats", [0.5]), ("value_int", 3)]
)
def test_constants_of_plain_numbers_are_read(form: str, value: object) -> None:
    row = OnnxRow()
    row.add("Conv", "c1", torch.rand(4, 3, 3, 3))
    row.nodes.append(onnx.helper.make_node("Constant", [], ["shape"], **{form: value}))
    row.save(FILE, 9)
    assert [product.source for product in read_onnx(FILE).chain.products] == ["c1"]


def test_sizes_of_zero_and_constants_of_words_are_named() -> None:
    row = OnnxRow()
    row.add("Conv", "c1", torch.rand(4, 3, 3, 3), strides=[0, 0], group=0, pads=[-1] * 4)
    row.add("MaxPool", "pool", kernel_shape=[0, 0], strides=[0, 0])
    row.add("LRN", "norm", size=0)
    row.nodes.append(onnx.helper.make_node("Constant", [], ["word"], value_string="a"))
    row.save(FILE, 9, is_valid=False)
    with pytest.raises(UsageError) as caught:
        read_onnx(FILE)
    for part in (
        "c1: stride of 0",
        "c1: groups of 0",
        "c1: pad of -1",
        "c1: pooling window of 0",
        "c1: pooling stride of 0",
        "norm: LRN over 0 channels",
        "word: a constant in the form value_string",
    ):
        assert part in caught.value.message


@pytest.mark.parametrize(("kind", "attributes"), [("LRN", {}), ("Conv", {"strides": 2})])
def test_a_node_that_onnx_does_not_allow_is_named(kind: str, attributes: dict[str, Any]) -> None:
    row = OnnxRow()
    row.add(kind, "first", torch.rand(4, 3, 3, 3), **attributes)
    row.save(FILE, 9, is_valid=False)
    with pytest.raises(UsageError, match=f"the {kind} 'first' is not as ONNX defines it"):
        read_onnx(FILE)


@pytest.mark.parametrize("content", [b"PK\x03\x04 a zip", b"\x08\x07"])
def test_other_bytes_are_refused(content: bytes) -> None:
    FILE.write_bytes(content)
    with pytest.raises(UsageError, match="ONNX file"):
        read_onnx(FILE)
