from pathlib import Path

import pytest
import torch

from alexcli.errors import UsageError
from alexcli.schema import Activation, Kind, Op, PoolSpec
from alexcli.weights.chain import Chain, Product, layer_names, named_weights, reversed_channels


def _product(name: str = "c", bias: bool = True) -> Product:
    return Product(name, Kind.conv, torch.rand(4, 3, 5, 5), torch.rand(4) if bias else None)


def _message(chain: Chain) -> str:
    with pytest.raises(UsageError) as caught:
        chain.check(Path("file"))
    return caught.value.message


def test_layers_are_numbered_by_position() -> None:
    assert layer_names([Kind.conv, Kind.conv, Kind.fc]) == ["conv1", "conv2", "fc3"]


def test_an_op_without_a_product_and_a_second_one_are_misfits() -> None:
    chain = Chain()
    chain.add_activation(Activation.relu, "relu0")
    chain.products.append(_product())
    chain.add_pool(PoolSpec(), "pool1", up=True)
    chain.add_pool(PoolSpec(), "pool1b", up=True)
    message = _message(chain)
    assert "relu0: act before the first product" in message
    assert "pool1b: a second pool after c" in message


def test_what_a_net_has_once_may_not_differ_between_layers() -> None:
    chain = Chain(products=[_product("a"), _product("b")])
    for product, k in zip(["a", "b"], [1.0, 2.0], strict=True):
        chain.products[-1].ops.clear()
        chain.add_norm(5, 1e-4, 0.75, k, f"norm_{product}")
    chain.activations = {Activation.relu, Activation.tanh}
    chain.dropout_rates = {0.5, 0.3}
    chain.pools_up = {True, False}
    message = _message(chain)
    for part in ("norm_b: other constants", "relu, tanh", "[0.3, 0.5]", "round up"):
        assert part in message


def test_constants_are_the_decimals_that_float32_stores() -> None:
    chain = Chain(products=[_product()])
    chain.add_norm(5, float(torch.tensor(1e-4)), 0.75, 1, "norm")
    assert chain.norms[0].alpha == 1e-4
    assert chain.products[0].ops == [Op.norm]


def test_an_absent_bias_is_zero_and_channels_can_be_reversed() -> None:
    product = _product(bias=False)
    weights = named_weights(Chain(products=[product]))
    assert weights["tower0.conv1.bias"].tolist() == [0, 0, 0, 0]
    reversed_weight = reversed_channels(weights)["tower0.conv1.weight"]
    assert torch.equal(reversed_weight[:, 0], product.weight[:, 2])
    assert torch.equal(reversed_weight[:, 1], product.weight[:, 1])
