"""Response norms, against the formula of section 3.3, torch's operator and plain loops."""

import pytest
import torch
import torch.nn.functional as F

from alexcli.model.lrn import LocalResponseNorm, SpatialResponseNorm, local_response_norm
from alexcli.schema import LrnConvention, LrnImpl, LrnSpec, SpatialLrnSpec
from tests.fakes import fake_tensors
from tests.oracles import lrn_by_loop


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 9])
@pytest.mark.parametrize("channels", [1, 3, 5, 16])
@pytest.mark.parametrize("beta", [0.75, 0.5])
def test_equals_torch_and_the_formula_in_float64(size: int, channels: int, beta: float) -> None:
    x = torch.randn(2, channels, 4, 3, dtype=torch.float64) * 50
    out = local_response_norm(x, size=size, alpha=2e-5, beta=beta, k=2.0)
    by_torch = F.local_response_norm(x, size, 2e-5 * size, beta, 2.0)
    assert (out - by_torch).abs().max() < 1e-12
    assert (out - lrn_by_loop(x, size, 2e-5, beta, 2.0)).abs().max() < 1e-12


@pytest.mark.parametrize("size", [2, 4, 5])
def test_gradient_is_that_of_torch(size: int) -> None:
    x = torch.randn(2, 7, 3, 3, dtype=torch.float64) * 50
    weight = torch.randn_like(x)
    ours = x.clone().requires_grad_()
    by_torch = x.clone().requires_grad_()
    (local_response_norm(ours, size=size, alpha=1e-4, beta=0.75, k=2.0) * weight).sum().backward()
    (F.local_response_norm(by_torch, size, 1e-4 * size, 0.75, 2.0) * weight).sum().backward()
    assert ours.grad is not None
    assert by_torch.grad is not None
    assert (ours.grad - by_torch.grad).abs().max() < 1e-12


@pytest.mark.parametrize("size", [3, 4])
@pytest.mark.parametrize("beta", [0.5, 0.75, 1.3])
def test_gradient_is_that_of_finite_differences(size: int, beta: float) -> None:
    x = torch.randn(2, 6, 2, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(
        lambda t: local_response_norm(t, size=size, alpha=0.1, beta=beta, k=2.0), (x,)
    )


def test_conventions_differ_by_the_size() -> None:
    x = torch.full((1, 9, 1, 1), 100.0, dtype=torch.float64)
    factors = {
        convention: float(LocalResponseNorm(LrnSpec(convention=convention))(x)[0, 4, 0, 0]) / 100
        for convention in LrnConvention
    }
    # Facts, section 3: the factor on x when five inputs equal 100.
    assert factors[LrnConvention.paper] == pytest.approx(0.232, abs=5e-4)
    assert factors[LrnConvention.code] == pytest.approx(0.439, abs=5e-4)


def test_bfloat16_keeps_its_type_and_sums_in_float32() -> None:
    x = (torch.randn(2, 16, 4, 4) * 50).bfloat16()
    out = local_response_norm(x, size=5, alpha=1e-4, beta=0.75, k=2.0)
    exact = local_response_norm(x.double(), size=5, alpha=1e-4, beta=0.75, k=2.0)
    assert out.dtype is torch.bfloat16
    assert (
        torch.equal(out, exact.float().bfloat16())
        or ((out.double() - exact).abs() <= exact.abs() * 2**-8).all()
    )


@pytest.mark.parametrize("impl", LrnImpl)
def test_vectors_are_normalised_too(impl: LrnImpl) -> None:
    x = torch.randn(4, 9, dtype=torch.float64)
    out = local_response_norm(x, size=5, alpha=0.1, beta=0.75, k=2.0, impl=impl)
    assert (out - lrn_by_loop(x, 5, 0.1, 0.75, 2.0)).abs().sum() < 1e-12


@pytest.mark.parametrize("shape", [(2, 9, 3), (2, 9, 2, 3, 2), (0, 9, 4, 4)])
def test_volumes_and_empty_batches_are_normalised_too(shape: tuple[int, ...]) -> None:
    x = torch.randn(shape, dtype=torch.float64)
    out = local_response_norm(x, size=5, alpha=0.1, beta=0.75, k=2.0)
    assert (out - lrn_by_loop(x, 5, 0.1, 0.75, 2.0)).abs().sum() < 1e-12


def test_implementations_agree() -> None:
    x = torch.randn(2, 16, 5, 5, dtype=torch.float64) * 50
    outputs = {impl: LocalResponseNorm(LrnSpec(size=4, impl=impl))(x) for impl in LrnImpl}
    assert (outputs[LrnImpl.auto] - outputs[LrnImpl.fast]).abs().max() < 1e-12
    assert (outputs[LrnImpl.auto] - outputs[LrnImpl.reference]).abs().max() < 1e-12


def test_second_derivative_is_refused_in_words_and_given_by_the_reference() -> None:
    x = torch.randn(1, 6, 2, 2, dtype=torch.float64, requires_grad=True)
    out = local_response_norm(x, size=3, alpha=0.1, beta=0.75, k=2.0).sum()
    (first_derivative,) = torch.autograd.grad(out, x, create_graph=True)
    with pytest.raises(RuntimeError, match=r"lrn\.impl=reference"):
        first_derivative.sum().backward()
    assert torch.autograd.gradgradcheck(
        lambda t: local_response_norm(
            t, size=3, alpha=0.1, beta=0.75, k=2.0, impl=LrnImpl.reference
        ),
        (x,),
    )


def test_compilers_see_a_whole_operator_and_exports_plain_arithmetic() -> None:
    x = torch.randn(2, 8, 4, 4, requires_grad=True)
    norm = LocalResponseNorm(LrnSpec(alpha=0.1))
    compiled = torch.compile(norm, backend="aot_eager", fullgraph=True)
    by_compiled = x.clone().detach().requires_grad_()
    by_eager = x.clone().detach().requires_grad_()
    compiled(by_compiled).sum().backward()
    norm(by_eager).sum().backward()
    assert by_compiled.grad is not None
    assert by_eager.grad is not None
    # Newer versions of torch compile it to the same bits; 2.8 does not.
    torch.testing.assert_close(by_compiled.grad, by_eager.grad, rtol=1e-6, atol=1e-7)
    program = torch.export.export(norm, (x,))
    assert "alexcli" not in str(program.graph)
    torch.testing.assert_close(program.module()(x), norm(x))


def test_fake_tensors_have_the_shape_and_order_of_real_ones() -> None:
    with fake_tensors():
        x = torch.empty(2, 8, 4, 4).to(memory_format=torch.channels_last).requires_grad_()
        out = LocalResponseNorm(LrnSpec())(x)
        out.sum().backward()
    assert out.shape == x.shape
    assert out.is_contiguous(memory_format=torch.channels_last)
    assert x.grad is not None


@pytest.mark.parametrize("size", [3, 4, 5])
def test_spatial_norm_averages_squares_over_the_window_with_zeros_outside(size: int) -> None:
    x = torch.randn(1, 2, 6, 6, dtype=torch.float64) * 30
    out = SpatialResponseNorm(SpatialLrnSpec(size=size))(x)
    for row in range(6):
        for column in range(6):
            top, left = (max(0, position - size // 2) for position in (row, column))
            bottom, right = (min(6, position - size // 2 + size) for position in (row, column))
            window = x[:, :, top:bottom, left:right]
            d = 1 + 1e-3 / size**2 * (window**2).sum((2, 3))
            expected = x[:, :, row, column] * d**-0.75
            assert (out[:, :, row, column] - expected).abs().max() < 1e-12


@pytest.mark.parametrize("size", [3, 4, 5])
def test_spatial_norms_gradient_is_that_of_finite_differences(size: int) -> None:
    x = torch.randn(1, 2, 6, 6, dtype=torch.float64) * 30
    assert torch.autograd.gradcheck(
        SpatialResponseNorm(SpatialLrnSpec(size=size)), x.requires_grad_()
    )
