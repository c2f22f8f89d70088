import pytest
import torch
import torch.nn.functional as F

from alexcli.model.lrn import LocalResponseNorm, SpatialResponseNorm, local_response_norm
from alexcli.schema import LrnConvention, LrnSpec, SpatialLrnSpec
from tests.oracles import lrn_by_loop


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 9])
@pytest.mark.parametrize("channels", [1, 3, 5, 16])
@pytest.mark.parametrize("beta", [0.75, 0.5])
def test_equals_torch_and_the_formula_in_float64(size: int, channels: int, beta: float) -> None:
    x = torch.randn(2, channels, 4, 3, dtype=torch.float64) * 50
    ours = local_response_norm(x, size=size, alpha=2e-5, beta=beta, k=2.0)
    theirs = F.local_response_norm(x, size, 2e-5 * size, beta, 2.0)
    assert (ours - theirs).abs().max() < 1e-12
    assert (ours - lrn_by_loop(x, size, 2e-5, beta, 2.0)).abs().max() < 1e-12


@pytest.mark.parametrize("size", [2, 4, 5])
def test_gradient_is_that_of_torch(size: int) -> None:
    x = torch.randn(2, 7, 3, 3, dtype=torch.float64) * 50
    weight = torch.randn_like(x)
    a, b = x.clone().requires_grad_(), x.clone().requires_grad_()
    (local_response_norm(a, size=size, alpha=1e-4, beta=0.75, k=2.0) * weight).sum().backward()
    (F.local_response_norm(b, size, 1e-4 * size, 0.75, 2.0) * weight).sum().backward()
    assert a.grad is not None
    assert b.grad is not None
    assert (a.grad - b.grad).abs().max() < 1e-12


@pytest.mark.parametrize("size", [3, 4])
def test_gradient_is_that_of_finite_differences(size: int) -> None:
    x = torch.randn(2, 6, 2, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(
        lambda t: local_response_norm(t, size=size, alpha=0.1, beta=0.75, k=2.0), (x,)
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
    ours = local_response_norm(x, size=5, alpha=1e-4, beta=0.75, k=2.0)
    exact = local_response_norm(x.double(), size=5, alpha=1e-4, beta=0.75, k=2.0)
    assert ours.dtype is torch.bfloat16
    assert (
        torch.equal(ours, exact.float().bfloat16())
        or ((ours.double() - exact).abs() <= exact.abs() * 2**-8).all()
    )


def test_autocast_does_not_narrow_the_sums() -> None:
    x = torch.randn(2, 16, 4, 4) * 50
    plain = local_response_norm(x, size=5, alpha=1e-4, beta=0.75, k=2.0)
    with torch.autocast("cpu", torch.bfloat16):
        inside = local_response_norm(x, size=5, alpha=1e-4, beta=0.75, k=2.0)
    assert torch.equal(plain, inside)


def test_memory_format_does_not_matter() -> None:
    x = torch.randn(2, 8, 5, 5)
    last = x.contiguous(memory_format=torch.channels_last)
    a = local_response_norm(x, size=5, alpha=1e-4, beta=0.75, k=2.0)
    b = local_response_norm(last, size=5, alpha=1e-4, beta=0.75, k=2.0)
    torch.testing.assert_close(a, b)


@pytest.mark.parametrize("size", [3, 4, 5])
def test_spatial_norm_averages_squares_over_the_window_with_zeros_outside(size: int) -> None:
    x = torch.randn(1, 2, 6, 6, dtype=torch.float64) * 30
    ours = SpatialResponseNorm(SpatialLrnSpec(size=size))(x)
    for row in range(6):
        for column in range(6):
            low = [max(0, p - size // 2) for p in (row, column)]
            high = [min(6, p - size // 2 + size) for p in (row, column)]
            window = x[:, :, low[0] : high[0], low[1] : high[1]]
            d = 1 + 1e-3 / size**2 * (window**2).sum((2, 3))
            expected = x[:, :, row, column] * d**-0.75
            assert (ours[:, :, row, column] - expected).abs().max() < 1e-12
