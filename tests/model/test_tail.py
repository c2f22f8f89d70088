"""Activation, norm and pooling in one pass against the ops one after another."""

import pytest
import torch
from torch import Tensor, nn

from alexcli.model import tail
from alexcli.model.loops.tail import CUT_OFF
from alexcli.model.lrn import LocalResponseNorm
from alexcli.model.pooling import Pool
from alexcli.model.tail import LARGEST_MAX_POOL, FusedOps, fuse, fused_tail
from alexcli.model.towers import Towers
from alexcli.schema import LrnImpl, LrnSpec, PoolKind, PoolSpec, Rounding
from tests.conftest import model
from tests.fakes import fake_tensors

RELU = nn.ReLU()
NORM = LocalResponseNorm(LrnSpec(alpha=0.1, impl=LrnImpl.fast))
EVEN_NORM = LocalResponseNorm(LrnSpec(size=4, alpha=0.1, beta=0.5))
MAX = Pool(PoolSpec(), Rounding.floor)
CEIL = Pool(PoolSpec(), Rounding.ceil)
MEAN = Pool(PoolSpec(kind=PoolKind.avg), Rounding.ceil)
APART = Pool(PoolSpec(size=2, stride=3), Rounding.ceil)
OFTEN = Pool(PoolSpec(size=4, stride=1), Rounding.floor)
WIDE = Pool(PoolSpec(size=LARGEST_MAX_POOL, stride=3), Rounding.floor)
WIDER = Pool(PoolSpec(size=LARGEST_MAX_POOL + 1), Rounding.floor)

ORDERS = {
    "the paper's": [RELU, NORM, MAX],
    "the 2012 code's conv1": [NORM, CEIL, RELU],
    "conv5": [RELU, MAX],
    "pool first": [CEIL, RELU],
    "cifar": [RELU, MEAN],
    "means, then relu": [MEAN, RELU],
    "means of norms": [NORM, MEAN, RELU],
    "even window": [RELU, EVEN_NORM, CEIL],
    "gaps between windows": [RELU, NORM, APART],
    "many windows": [RELU, NORM, OFTEN],
    "pooling alone": [MAX],
}


@pytest.fixture(autouse=True)
def _small_maps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fuse the ops of small maps too."""
    monkeypatch.setattr(tail, "LEAST_ELEMENTS", 1)


def _separate(ops: list[nn.Module], x: Tensor) -> Tensor:
    """The ops one after another; a ReLU in place would change x."""
    for op in ops:
        x = torch.relu(x) if op is RELU else op(x)
    return x


def _map(channels: int, height: int, width: int, dtype: torch.dtype = torch.float64) -> Tensor:
    x = torch.randn(3, channels, height, width, dtype=dtype)
    return x.to(memory_format=torch.channels_last).requires_grad_()


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(("channels", "height", "width"), [(16, 8, 8), (24, 7, 9), (35, 5, 12)])
def test_one_pass_gives_what_the_ops_give(
    order: str, channels: int, height: int, width: int
) -> None:
    ops = ORDERS[order]
    (fused,) = fuse(ops)
    assert isinstance(fused, FusedOps)
    x = _map(channels, height, width)
    expected = _separate(ops, x)
    out = fused(x)
    weight = torch.randn_like(expected)
    expected_grad = torch.autograd.grad((expected * weight).sum(), x)[0]
    grad = torch.autograd.grad((out * weight).sum(), x)[0]
    assert out.shape == expected.shape
    torch.testing.assert_close(out, expected, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(grad, expected_grad, rtol=1e-12, atol=1e-12)
    with torch.no_grad():
        assert torch.equal(fused(x), out)


@pytest.mark.parametrize("order", ["the paper's", "the 2012 code's conv1", "means of norms"])
def test_the_gradient_is_that_of_finite_differences(order: str) -> None:
    (fused,) = fuse(ORDERS[order])
    x = _map(16, 4, 3)[:1].detach().requires_grad_()
    assert torch.autograd.gradcheck(fused, (x,))


@pytest.mark.parametrize("order", ORDERS)
def test_number_of_threads_changes_no_bit(order: str) -> None:
    (fused,) = fuse(ORDERS[order])
    x = _map(16, 9, 9, torch.float32)
    before = torch.get_num_threads()
    results = []
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        out = fused(x)
        results.append((out, torch.autograd.grad(out.square().sum(), x)[0]))
    torch.set_num_threads(before)
    for out, grad in results[1:]:
        assert torch.equal(out, results[0][0])
        assert torch.equal(grad, results[0][1])


def test_of_equal_maxima_the_first_gets_the_gradient_as_in_torch() -> None:
    x = torch.zeros(1, 16, 5, 5).to(memory_format=torch.channels_last).requires_grad_()
    y = x.detach().clone().requires_grad_()
    (fused,) = fuse([CEIL])
    fused(x).sum().backward()
    CEIL(y).sum().backward()
    assert x.grad is not None
    assert y.grad is not None
    assert torch.equal(x.grad, y.grad)


@pytest.mark.parametrize("order", ["the paper's", "pool first", "means, then relu"])
def test_not_a_number_is_passed_on(order: str) -> None:
    x = torch.ones(1, 16, 5, 5).to(memory_format=torch.channels_last)
    x[0, 3, 2, 2] = torch.nan
    (fused,) = fuse(ORDERS[order])
    assert torch.equal(fused(x).isnan(), _separate(ORDERS[order], x).isnan())


def test_windows_whose_positions_fit_in_a_byte_have_the_gradient_of_torch() -> None:
    assert LARGEST_MAX_POOL**2 <= CUT_OFF < (LARGEST_MAX_POOL + 1) ** 2
    assert fuse([WIDER, RELU]) == [WIDER, RELU]
    (fused,) = fuse([WIDE])
    assert isinstance(fused, FusedOps)
    x = _map(16, 20, 20)
    y = x.detach().clone().requires_grad_()
    fused(x).square().sum().backward()
    nn.functional.max_pool2d(y, LARGEST_MAX_POOL, 3).square().sum().backward()
    assert torch.equal(x.grad, y.grad)


def test_ops_that_do_not_belong_together_stay_apart() -> None:
    reference = LocalResponseNorm(LrnSpec(impl=LrnImpl.reference))
    assert fuse([RELU, reference, MAX])[:2] == [RELU, reference]
    assert fuse([RELU, NORM]) == [RELU, NORM]
    assert fuse([nn.Tanh(), NORM])[1] is NORM
    tanh, fused = fuse([nn.Tanh(), MAX])
    assert isinstance(tanh, nn.Tanh)
    assert isinstance(fused, FusedOps)
    fused, norm = fuse([RELU, MAX, NORM])
    assert isinstance(fused, FusedOps)
    assert norm is NORM


def test_a_net_computes_the_same_either_way() -> None:
    together = Towers(model("model=alexnet_145", "model.width=0.375", "model.input.size=96"))
    apart = Towers(
        model(
            "model=alexnet_145", "model.width=0.375", "model.input.size=96", "model.tail=separate"
        )
    )
    x = torch.randn(2, 3, 96, 96)
    calls: list[object] = []
    handle = torch.nn.modules.module.register_module_forward_hook(
        lambda module, *_: calls.append(module) if isinstance(module, FusedOps) else None
    )
    try:
        ours = together.eval()(x)
        assert len(calls) == 6  # of two towers: conv1, the pooling of conv2, conv5
        calls.clear()
        theirs = apart.eval()(x)
    finally:
        handle.remove()
    assert not calls
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-6)


def test_compilers_exports_and_small_maps_see_the_ops(monkeypatch: pytest.MonkeyPatch) -> None:
    x = _map(16, 6, 6, torch.float32)
    assert tail.can_fuse(x)
    assert not tail.can_fuse(x.bfloat16())
    assert not tail.can_fuse(x.to("meta"))
    monkeypatch.setattr(torch.compiler, "is_exporting", lambda: True)
    assert not tail.can_fuse(x)
    monkeypatch.undo()
    monkeypatch.setattr(tail, "LEAST_ELEMENTS", x.numel() + 1)
    assert not tail.can_fuse(x)


def test_a_second_derivative_is_refused_in_words() -> None:
    x = _map(16, 4, 4)
    (fused,) = fuse(ORDERS["the paper's"])
    (grad,) = torch.autograd.grad(fused(x).square().sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match=r"model\.tail=separate"):
        grad.sum().backward()


def test_the_operator_is_declared_to_tracers_as_it_is() -> None:
    x = _map(16, 7, 6, torch.float32)
    arguments = (x, True, 5, 0.1, 0.75, 2.0, 3, 2, True, True, False, True)
    torch.library.opcheck(
        fused_tail,
        arguments,
        test_utils=("test_schema", "test_faketensor", "test_autograd_registration"),
    )


def test_fake_tensors_have_the_shape_of_real_ones() -> None:
    (fused,) = fuse(ORDERS["the paper's"])
    with fake_tensors():
        x = torch.empty(2, 16, 9, 8).to(memory_format=torch.channels_last).requires_grad_()
        out = fused(x)
        out.sum().backward()
    assert out.shape == (2, 16, 4, 3)
    assert x.grad is not None
