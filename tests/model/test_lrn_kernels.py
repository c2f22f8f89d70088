"""The closed form's layouts, types, threads and memory, which must not show in its results."""

from collections.abc import Callable, Iterator

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from alexcli.model import compiled, lrn_kernels
from alexcli.model.lrn_kernels import lrn, plain_formula

CHANNELS = [8, 16, 24]  # by the banded matrix, and in whole and overlapping blocks of the loops


@pytest.fixture
def set_threads() -> Iterator[Callable[[int], None]]:
    """Sets torch's number of threads until the test ends."""
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


@pytest.fixture(params=["compiled", "banded"])
def implementation(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each of the two ways to compute the closed form on a CPU."""
    if request.param == "banded":
        monkeypatch.setattr(compiled, "unavailable_reason", lambda: "ImportError: no numba here")
    else:
        assert compiled.available()
    return str(request.param)


def _contiguous(x: Tensor) -> Tensor:
    return x


def _channels_last(x: Tensor) -> Tensor:
    return x.contiguous(memory_format=torch.channels_last)


def _channels_last_with_gaps(x: Tensor) -> Tensor:
    return _channels_last(torch.cat([x, x], 1)).chunk(2, 1)[1]


def _transposed(x: Tensor) -> Tensor:
    return x.transpose(2, 3).contiguous().transpose(2, 3)


LAYOUTS = [_contiguous, _channels_last, _channels_last_with_gaps, _transposed]


@pytest.mark.usefixtures("implementation")
@pytest.mark.parametrize("channels", CHANNELS)
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
def test_any_memory_format_and_type_gives_the_formula_and_its_gradient(
    layout: Callable[[Tensor], Tensor], dtype: torch.dtype, channels: int
) -> None:
    x, weight = (torch.randn(3, channels, 5, 7, dtype=torch.float64).to(dtype) for _ in range(2))
    ours = layout(x).detach().requires_grad_()
    exact = x.double().requires_grad_()
    out = lrn(ours, 5, 0.1, 0.75, 2.0)
    (out * weight).sum().backward()
    exact_out = F.local_response_norm(exact, 5, 0.5, 0.75, 2.0)
    (exact_out * weight.double()).sum().backward()
    assert ours.grad is not None
    assert exact.grad is not None
    assert out.dtype is ours.grad.dtype is dtype
    tolerance = 4 * torch.finfo(dtype).eps
    torch.testing.assert_close(out.double(), exact_out, rtol=tolerance, atol=tolerance)
    torch.testing.assert_close(ours.grad.double(), exact.grad, rtol=tolerance, atol=tolerance)


@pytest.mark.usefixtures("implementation")
@pytest.mark.parametrize("channels", CHANNELS)
@pytest.mark.parametrize("size", [1, 2, 4, 5, 9, 40])
@pytest.mark.parametrize("beta", [0.75, 0.5])
def test_any_window_and_exponent_gives_the_formula_and_its_gradient(
    size: int, channels: int, beta: float
) -> None:
    # Positions for more than one chunk of the loops, whose buffers are used again.
    x = torch.randn(2, channels, 9, 5, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(2, channels, 9, 5, dtype=torch.float64)
    for _ in range(2):
        ours = torch.autograd.grad((lrn(x, size, 0.1, beta, 2.0) * weight).sum(), x)[0]
        out = plain_formula(x, size, 0.1, beta, 2.0)
        plain = torch.autograd.grad((out * weight).sum(), x)[0]
        assert (lrn(x, size, 0.1, beta, 2.0) - out).abs().max() < 1e-12
        assert (ours - plain).abs().max() < 1e-12


@pytest.mark.parametrize("layout", [_contiguous, _channels_last])
@pytest.mark.parametrize("threads", [2, 3, 7])
def test_number_of_threads_changes_no_bit(
    layout: Callable[[Tensor], Tensor],
    threads: int,
    set_threads: Callable[[int], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lrn_kernels, "LEAST_ELEMENTS", 100)  # a small tensor is shared too
    x = layout(torch.randn(4, 16, 9, 9))
    weight = torch.randn(4, 16, 9, 9)

    def normalise_with(count: int) -> tuple[Tensor, Tensor | None]:
        set_threads(count)
        ours = x.clone().requires_grad_()
        with torch.autocast("cpu", torch.bfloat16):
            out = lrn(ours, 5, 0.1, 0.75, 2.0)
        (out * weight).sum().backward()
        assert torch.get_num_threads() == count
        return out.detach(), ours.grad

    out, gradient = normalise_with(1)
    threaded_out, threaded_gradient = normalise_with(threads)
    assert gradient is not None
    assert threaded_gradient is not None
    assert torch.equal(threaded_out, out)
    assert torch.equal(threaded_gradient, gradient)


@pytest.mark.usefixtures("implementation")
def test_autocast_does_not_narrow_the_sums() -> None:
    x = torch.randn(2, 16, 4, 4) * 50
    outside = lrn(x, 5, 1e-4, 0.75, 2.0)
    with torch.autocast("cpu", torch.bfloat16):
        inside = lrn(x, 5, 1e-4, 0.75, 2.0)
    assert torch.equal(outside, inside)


@pytest.mark.usefixtures("implementation")
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_backward_keeps_the_input_alone(dtype: torch.dtype) -> None:
    x = torch.randn(2, 16, 4, 4, dtype=dtype, requires_grad=True)
    saved_bytes: list[int] = []

    def pack(saved: Tensor) -> Tensor:
        saved_bytes.append(saved.numel() * saved.element_size())
        return saved

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda saved: saved):
        lrn(x, 5, 0.1, 0.75, 2.0)
    assert sum(saved_bytes) == x.numel() * x.element_size()


@pytest.mark.usefixtures("implementation")
@pytest.mark.parametrize("layout", [_contiguous, _channels_last])
def test_the_operator_is_declared_to_tracers_as_it_is(layout: Callable[[Tensor], Tensor]) -> None:
    x = layout(torch.randn(2, 16, 4, 4)).requires_grad_()
    torch.library.opcheck(
        lrn,
        (x, 5, 0.1, 0.75, 2.0),
        test_utils=("test_schema", "test_faketensor", "test_autograd_registration"),
    )
