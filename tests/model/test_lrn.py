import pytest
import torch
import torch.nn.functional as F

from alexcli.model import lrn
from alexcli.model.lrn import LocalResponseNorm, SpatialResponseNorm, local_response_norm
from alexcli.schema import LrnConvention, LrnImpl, LrnSpec, SpatialLrnSpec
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


LAYOUTS = {
    "contiguous": lambda x: x,
    "channels_last": lambda x: x.contiguous(memory_format=torch.channels_last),
    "channels_last with gaps": lambda x: (
        torch.cat([x, x], 1).contiguous(memory_format=torch.channels_last).chunk(2, 1)[1]
    ),
    "transposed": lambda x: x.transpose(2, 3).contiguous().transpose(2, 3),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
def test_blocks_of_any_memory_format_and_type_give_the_formula_and_its_gradient(
    layout: str, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lrn, "BLOCK", 10)  # so that a small tensor has many blocks
    x, weight = (torch.randn(3, 8, 5, 7, dtype=torch.float64).to(dtype) for _ in range(2))
    a = LAYOUTS[layout](x).detach().requires_grad_()
    b = x.double().requires_grad_()
    ours = local_response_norm(a, size=5, alpha=0.1, beta=0.75, k=2.0)
    (ours * weight).sum().backward()
    theirs = F.local_response_norm(b, 5, 0.5, 0.75, 2.0)
    (theirs * weight.double()).sum().backward()
    assert a.grad is not None
    assert b.grad is not None
    assert ours.dtype is a.grad.dtype is dtype
    near = {"rtol": 4 * torch.finfo(dtype).eps, "atol": 4 * torch.finfo(dtype).eps}
    torch.testing.assert_close(ours.double(), theirs, **near)
    torch.testing.assert_close(a.grad.double(), b.grad, **near)


def test_vectors_and_volumes_are_normalised_too() -> None:
    for shape in ((4, 9), (2, 9, 3), (2, 9, 2, 3, 2), (0, 9, 4, 4)):
        x = torch.randn(shape, dtype=torch.float64)
        ours = local_response_norm(x, size=5, alpha=0.1, beta=0.75, k=2.0)
        assert (ours - lrn_by_loop(x, 5, 0.1, 0.75, 2.0)).abs().sum() < 1e-12


def test_number_of_threads_changes_no_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lrn, "BLOCK", 100)
    x = torch.randn(4, 16, 9, 9).to(memory_format=torch.channels_last)
    found, before = [], torch.get_num_threads()
    try:
        for threads in (1, 3):
            torch.set_num_threads(threads)
            part = x.clone().requires_grad_()
            with torch.autocast("cpu", torch.bfloat16):
                out = local_response_norm(part, size=5, alpha=0.1, beta=0.75, k=2.0)
            out.sum().backward()
            found.append((out.detach(), part.grad))
            assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    assert all(map(torch.equal, *found))


@pytest.mark.parametrize(("dtype", "tensors"), [(torch.float32, 2), (torch.bfloat16, 1)])
def test_backward_keeps_one_tensor_beside_the_input_at_most(
    dtype: torch.dtype, tensors: int
) -> None:
    x = torch.randn(2, 8, 4, 4, dtype=dtype, requires_grad=True)
    kept: list[int] = []

    def pack(saved: torch.Tensor) -> torch.Tensor:
        kept.append(saved.numel() * saved.element_size())
        return saved

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda saved: saved):
        local_response_norm(x, size=5, alpha=0.1, beta=0.75, k=2.0)
    assert sum(kept) == tensors * x.numel() * x.element_size()


def test_second_derivative_is_refused_in_words_and_given_by_the_reference() -> None:
    x = torch.randn(1, 6, 2, 2, dtype=torch.float64, requires_grad=True)
    out = local_response_norm(x, size=3, alpha=0.1, beta=0.75, k=2.0).sum()
    (first,) = torch.autograd.grad(out, x, create_graph=True)
    with pytest.raises(RuntimeError, match=r"lrn\.impl=reference"):
        first.sum().backward()
    assert torch.autograd.gradgradcheck(
        lambda t: local_response_norm(
            t, size=3, alpha=0.1, beta=0.75, k=2.0, impl=LrnImpl.reference
        ),
        (x,),
    )


def test_implementations_agree() -> None:
    x = torch.randn(2, 16, 5, 5, dtype=torch.float64) * 50
    auto, fast, reference = (LocalResponseNorm(LrnSpec(size=4, impl=impl))(x) for impl in LrnImpl)
    assert (auto - fast).abs().max() < 1e-12
    assert (auto - reference).abs().max() < 1e-12


def test_tracers_see_a_whole_operator_and_exports_plain_arithmetic() -> None:
    x = torch.randn(2, 8, 4, 4, requires_grad=True)
    for keep in (False, True):
        checks = ("test_schema", "test_faketensor", "test_autograd_registration")
        torch.library.opcheck(lrn._lrn, (x, 5, 0.1, 0.75, 2.0, keep), test_utils=checks)
    norm = LocalResponseNorm(LrnSpec(alpha=0.1))
    traced = torch.compile(norm, backend="aot_eager", fullgraph=True)
    a, b = x.clone().detach().requires_grad_(), x.clone().detach().requires_grad_()
    traced(a).sum().backward()
    norm(b).sum().backward()
    assert a.grad is not None
    assert b.grad is not None
    assert torch.equal(a.grad, b.grad)
    program = torch.export.export(norm, (x,))
    assert "alexcli" not in str(program.graph)
    torch.testing.assert_close(program.module()(x), norm(x))


def test_fake_tensors_have_the_shape_and_order_of_real_ones() -> None:
    with torch._subclasses.FakeTensorMode():
        x = torch.empty(2, 8, 4, 4).to(memory_format=torch.channels_last).requires_grad_()
        out = LocalResponseNorm(LrnSpec())(x)
        out.sum().backward()
    assert out.shape == x.shape
    assert out.is_contiguous(memory_format=torch.channels_last)
    assert x.grad is not None


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
    small = x.clone().requires_grad_()
    assert torch.autograd.gradcheck(SpatialResponseNorm(SpatialLrnSpec(size=size)), small)
