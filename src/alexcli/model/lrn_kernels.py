"""Local response normalisation in closed form (section 3.3), as operators with their gradient.

out = x * d ** -beta with d = k + alpha * S(x^2), where S sums `size` adjacent channels, clipped at
both ends. With g the gradient of out, the gradient of x is
g * d ** -beta - 2 * alpha * beta * x * S'(g * x * d ** (-beta - 1)), where S' is S mirrored.
Both passes compute S by a product with a banded matrix, and the powers of d from r = d ** -0.5.

On a CPU both passes go through the tensor in blocks that stay in the cache, each computed from
beginning to end by one thread: the result does not depend on the number of threads, and no thread
waits for another.

Legend: N images, C channels, P positions (of all images) in a block.
"""

import contextlib
import functools
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from alexcli.model.operators import declare_operator

# Elements of a block: of 2**14 to 2**19 the fastest for conv1 and conv2 (results/speed).
BLOCK = 1 << 17

# Up to this many blocks, torch's own threads are faster on the whole tensor at once.
FEW_BLOCKS = 16


def inverse_power(r: Tensor, beta: float) -> Tensor:
    """d ** -beta of r = d ** -0.5: for the paper's 0.75, a root costs a fraction of a power."""
    return r * r.sqrt() if beta == 0.75 else r.pow(2 * beta)


def at_least_float32(x: Tensor) -> Tensor:
    """x itself, or in float32 if its type is narrower: a narrow sum of squares is inexact."""
    return x if x.dtype in (torch.float32, torch.float64) else x.float()


def plain_formula(x: Tensor, size: int, alpha: float, beta: float, k: float) -> Tensor:
    """The norm by slices and sums, for compilers and exchange formats.

    Args:
        x: (N, C, ...) float.
        size: channels in the window.
        alpha: strength, multiplied by each square.
        beta: exponent.
        k: additive constant.
    """
    wide = at_least_float32(x)
    channels = x.shape[1]
    before = size // 2
    squares = F.pad(wide * wide, [0, 0] * (x.dim() - 2) + [before, size - 1 - before])
    total = squares[:, :channels]
    for shift in range(1, size):
        total = total + squares[:, shift : shift + channels]
    return (wide * (k + alpha * total) ** -beta).to(x.dtype)


def closed_form(x: Tensor, size: int, alpha: float, beta: float, k: float) -> Tensor:
    """The norm by the operator below.

    Where a gradient will be wanted, r is stored for it beside x; for types narrower than float32,
    whose r would need twice the memory of x, it is computed again. For the arguments see
    `plain_formula`.
    """
    has_gradient = torch.is_grad_enabled() and x.requires_grad
    store_r = has_gradient and at_least_float32(x[:0]).dtype is x.dtype
    out: Tensor = lrn(x, size, alpha, beta, k, store_r)[0]
    return out


def _lrn(
    x: Tensor, size: int, alpha: float, beta: float, k: float, store_r: bool
) -> tuple[Tensor, Tensor]:
    """The norm of x and, where it is to be stored, r = d ** -0.5; otherwise an empty tensor.

    From r the backward pass has both of its powers, d ** -beta and 1 / d, by products.
    """
    x = _dense(x, like=x)
    out = torch.empty_like(x)
    window = _window_matrix(x, size, alpha)
    constant = window.new_full((1,), k)

    def normalise(x: Tensor, out: Tensor, stored_r: Tensor | None = None) -> None:
        wide = at_least_float32(x)
        d = torch.addmm(constant, wide * wide, window)
        r = torch.rsqrt(d, out=d if stored_r is None else stored_r)
        torch.mul(wide, inverse_power(r, beta), out=out)

    if store_r:
        r = torch.empty_like(x)
        _for_each_block(normalise, x, out, r)
    else:
        r = torch.empty_like(x[:0])
        _for_each_block(normalise, x, out)
    return out, r


def _lrn_backward(
    grad: Tensor, x: Tensor, r: Tensor, size: int, alpha: float, beta: float, k: float
) -> Tensor:
    """The gradient of x from the gradient of the norm; an empty r is computed again."""
    x = _dense(x, like=x)
    grad = _dense(grad, like=x)
    gradient = torch.empty_like(x)
    window = _window_matrix(x, size, alpha)
    mirrored = _window_matrix(x, size, -2 * alpha * beta).T.contiguous()
    constant = window.new_full((1,), k)

    def differentiate(
        x: Tensor, grad: Tensor, grad_x: Tensor, stored_r: Tensor | None = None
    ) -> None:
        wide = at_least_float32(x)
        r = torch.addmm(constant, wide * wide, window).rsqrt_() if stored_r is None else stored_r
        # grad_x = g d^-beta + x S'(g d^-beta x / d), with -2 alpha beta in `mirrored`; 1 / d = r r.
        scaled = inverse_power(r, beta).mul_(grad)
        spread = (scaled * wide).mul_(r).mul_(r) @ mirrored
        torch.addcmul(scaled, wide, spread, out=grad_x)

    if r.numel():
        _for_each_block(differentiate, x, grad, gradient, r)
    else:
        _for_each_block(differentiate, x, grad, gradient)
    return gradient


def _lrn_fake(
    x: Tensor,
    size: int,  # noqa: ARG001
    alpha: float,  # noqa: ARG001
    beta: float,  # noqa: ARG001
    k: float,  # noqa: ARG001
    store_r: bool,
) -> tuple[Tensor, Tensor]:
    """Shapes and memory order of what `lrn` returns, for tracers."""
    x = _dense(x, like=x)
    return torch.empty_like(x), torch.empty_like(x if store_r else x[:0])


def _lrn_backward_fake(grad: Tensor, x: Tensor, *_constants: object) -> Tensor:  # noqa: ARG001
    """Shape and memory order of what `lrn_backward` returns, for tracers."""
    return torch.empty_like(_dense(x, like=x))


def _save_for_backward(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
    x, size, alpha, beta, k, _store_r = inputs
    _out, r = output
    ctx.constants = (size, alpha, beta, k)
    ctx.save_for_backward(x, r)
    ctx.mark_non_differentiable(r)


def _gradient(ctx: Any, grad: Tensor, _grad_of_r: Any) -> tuple[Tensor | None, ...]:
    x, r = ctx.saved_tensors
    return lrn_backward(grad, x, r, *ctx.constants), None, None, None, None, None


def _refuse_second_derivative(*_: Any) -> None:
    raise RuntimeError(
        "the closed form of the response norm has one derivative; model.lrn.impl=reference has more"
    )


lrn = declare_operator(
    "lrn", _lrn, fake=_lrn_fake, backward=_gradient, setup_context=_save_for_backward
)
lrn_backward = declare_operator(
    "lrn_backward", _lrn_backward, fake=_lrn_backward_fake, backward=_refuse_second_derivative
)


def _window_matrix(x: Tensor, size: int, scale: float) -> Tensor:
    """(C, C), whose product with channels is the sum over each one's window, times `scale`."""
    before = size // 2  # The 2012 code starts the window of channel i at i - floor(size / 2).
    channels = torch.arange(x.shape[1], device=x.device)
    offset = channels[:, None] - channels[None, :]  # from the receiving channel to the summed one
    inside = (offset >= -before) & (offset < size - before)
    return inside.to(at_least_float32(x[:0]).dtype) * scale


def _dense(x: Tensor, *, like: Tensor) -> Tensor:
    """x without gaps in memory, in channels-last order if `like` is."""
    channels_last = like.is_contiguous(memory_format=torch.channels_last)
    return x.contiguous(
        memory_format=torch.channels_last if channels_last else torch.contiguous_format
    )


def _shared_by_threads(x: Tensor) -> bool:
    """Whether x is so large that our threads go through it block by block."""
    return x.device.type == "cpu" and x.numel() > FEW_BLOCKS * BLOCK


def _blocks(x: Tensor) -> Sequence[Tensor]:
    """Views (P, C) of a dense x, which on a CPU are small enough for its cache."""
    if x.dim() == 4 and x.is_contiguous(memory_format=torch.channels_last):
        positions = x.permute(0, 2, 3, 1).view(-1, x.shape[1])
    elif x.dim() == 2:
        positions = x
    else:
        return [image.flatten(1).T for image in x]
    if not _shared_by_threads(x):
        return [positions]
    return torch.split(positions, max(1, BLOCK // x.shape[1]))


def _for_each_block(compute: Callable[..., None], *tensors: Tensor) -> None:
    """Call `compute` once for each block of the tensors, on as many threads as torch uses.

    Threads take the next index under a lock, so that a slow one takes fewer blocks. Every block is
    computed by one call, so the result does not depend on who takes it.

    Args:
        compute: takes a block of each tensor, and writes to those that are results.
        tensors: dense tensors of one shape.
    """
    blocks = list(zip(*map(_blocks, tensors), strict=True))
    device_type = tensors[0].device.type
    threads = torch.get_num_threads()
    indices = iter(range(len(blocks)))
    lock = threading.Lock()

    def next_index() -> int | None:
        with lock:
            return next(indices, None)

    def compute_blocks() -> None:
        with _exact_inference(device_type):
            for index in iter(next_index, None):
                compute(*blocks[index])

    if threads == 1 or not _shared_by_threads(tensors[0]):
        compute_blocks()
        return
    workers = _worker_threads(threads, os.getpid())
    for task in [workers.submit(compute_blocks) for _ in range(threads)]:
        task.result()


@contextlib.contextmanager
def _exact_inference(device_type: str) -> Iterator[None]:
    """Record no gradient, and keep autocast from narrowing the products."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(torch.inference_mode())
        if torch.amp.is_autocast_available(device_type):
            stack.enter_context(torch.autocast(device_type, enabled=False))
        yield


@functools.cache
def _worker_threads(threads: int, process: int) -> ThreadPoolExecutor:  # noqa: ARG001
    """Threads that live as long as the process, none of which splits its own work further.

    Args:
        threads: number of threads.
        process: number of this process; a forked child has none of its parent's threads.
    """
    return ThreadPoolExecutor(threads, "lrn", torch.set_num_threads, (1,))
