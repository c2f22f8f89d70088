"""The closed form's blocks, threads and memory, which must not show in its results."""

from collections.abc import Callable, Iterator

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from alexcli.model import lrn_kernels
from alexcli.model.lrn_kernels import closed_form, plain_formula


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks so small that a small tensor has many."""
    monkeypatch.setattr(lrn_kernels, "BLOCK", 100)


@pytest.fixture
def set_threads() -> Iterator[Callable[[int], None]]:
    """Sets torch's number of threads until the test ends."""
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


def _contiguous(x: Tensor) -> Tensor:
    return x


def _channels_last(x: Tensor) -> Tensor:
    return x.contiguous(memory_format=torch.channels_last)


def _channels_last_with_gaps(x: Tensor) -> Tensor:
    return _channels_last(torch.cat([x, x], 1)).chunk(2, 1)[1]


def _transposed(x: Tensor) -> Tensor:
    return x.transpose(2, 3).contiguous().transpose(2, 3)


LAYOUTS = [_contiguous, _channels_last, _channels_last_with_gaps, _transposed]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
def test_blocks_of_any_memory_format_and_type_give_the_formula_and_its_gradient(
    layout: Callable[[Tensor], Tensor], dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lrn_kernels, "BLOCK", 10)
    x, weight = (torch.randn(3, 8, 5, 7, dtype=torch.float64).to(dtype) for _ in range(2))
    ours = layout(x).detach().requires_grad_()
    exact = x.double().requires_grad_()
    out = closed_form(ours, 5, 0.1, 0.75, 2.0)
    (out * weight).sum().backward()
    exact_out = F.local_response_norm(exact, 5, 0.5, 0.75, 2.0)
    (exact_out * weight.double()).sum().backward()
    assert ours.grad is not None
    assert exact.grad is not None
    assert out.dtype is ours.grad.dtype is dtype
    tolerance = 4 * torch.finfo(dtype).eps
    torch.testing.assert_close(out.double(), exact_out, rtol=tolerance, atol=tolerance)
    torch.testing.assert_close(ours.grad.double(), exact.grad, rtol=tolerance, atol=tolerance)


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("layout", [_contiguous, _channels_last])
@pytest.mark.parametrize("threads", [2, 3, 7])
def test_number_of_threads_changes_no_bit(
    layout: Callable[[Tensor], Tensor], threads: int, set_threads: Callable[[int], None]
) -> None:
    x = layout(torch.randn(4, 16, 9, 9))
    weight = torch.randn(4, 16, 9, 9)

    def normalise_with(count: int) -> tuple[Tensor, Tensor | None]:
        set_threads(count)
        ours = x.clone().requires_grad_()
        with torch.autocast("cpu", torch.bfloat16):
            out = closed_form(ours, 5, 0.1, 0.75, 2.0)
        (out * weight).sum().backward()
        assert torch.get_num_threads() == count
        return out.detach(), ours.grad

    out, gradient = normalise_with(1)
    threaded_out, threaded_gradient = normalise_with(threads)
    assert gradient is not None
    assert threaded_gradient is not None
    assert torch.equal(threaded_out, out)
    assert torch.equal(threaded_gradient, gradient)


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("threads", [1, 2, 5])
def test_every_block_is_computed_once_whoever_takes_it(
    threads: int, set_threads: Callable[[int], None]
) -> None:
    set_threads(threads)
    visits = _channels_last(torch.zeros(4, 16, 30, 30))
    sizes: list[int] = []

    def visit(block: Tensor) -> None:
        sizes.append(block.numel())
        block.add_(1)

    lrn_kernels._for_each_block(visit, visits)
    assert torch.equal(visits, torch.ones_like(visits))
    assert len(sizes) > 100
    assert max(sizes) <= lrn_kernels.BLOCK


@pytest.mark.usefixtures("small_blocks")
def test_an_error_in_a_thread_is_raised(set_threads: Callable[[int], None]) -> None:
    set_threads(2)

    def fail(_block: Tensor) -> None:
        raise RuntimeError("in a block")

    with pytest.raises(RuntimeError, match="in a block"):
        lrn_kernels._for_each_block(fail, _channels_last(torch.zeros(4, 16, 9, 9)))


def test_autocast_does_not_narrow_the_sums() -> None:
    x = torch.randn(2, 16, 4, 4) * 50
    outside = closed_form(x, 5, 1e-4, 0.75, 2.0)
    with torch.autocast("cpu", torch.bfloat16):
        inside = closed_form(x, 5, 1e-4, 0.75, 2.0)
    assert torch.equal(outside, inside)


@pytest.mark.parametrize("size", [1, 2, 5])
def test_the_plain_formula_is_the_closed_form(size: int) -> None:
    x = torch.randn(2, 9, 3, 3, dtype=torch.float64)
    plain = plain_formula(x, size, 0.1, 0.75, 2.0)
    assert (plain - closed_form(x, size, 0.1, 0.75, 2.0)).abs().max() < 1e-12


@pytest.mark.parametrize(("dtype", "tensors"), [(torch.float32, 2), (torch.bfloat16, 1)])
def test_backward_keeps_one_tensor_beside_the_input_at_most(
    dtype: torch.dtype, tensors: int
) -> None:
    x = torch.randn(2, 8, 4, 4, dtype=dtype, requires_grad=True)
    saved_bytes: list[int] = []

    def pack(saved: Tensor) -> Tensor:
        saved_bytes.append(saved.numel() * saved.element_size())
        return saved

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda saved: saved):
        closed_form(x, 5, 0.1, 0.75, 2.0)
    assert sum(saved_bytes) == tensors * x.numel() * x.element_size()


@pytest.mark.parametrize("store_r", [False, True])
def test_the_operator_is_declared_to_tracers_as_it_is(store_r: bool) -> None:
    x = torch.randn(2, 8, 4, 4, requires_grad=True)
    torch.library.opcheck(
        lrn_kernels.lrn,
        (x, 5, 0.1, 0.75, 2.0, store_r),
        test_utils=("test_schema", "test_faketensor", "test_autograd_registration"),
    )
