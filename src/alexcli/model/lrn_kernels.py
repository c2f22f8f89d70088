"""Local response normalisation in closed form (section 3.3), as operators with their gradient.

out = x * d ** -beta with d = k + alpha * S(x^2), where S sums `size` adjacent channels, clipped at
both ends. With g the gradient of out, the gradient of x is
g * d ** -beta - 2 * alpha * beta * x * S'(g * x * d ** (-beta - 1)), where S' is S mirrored.

On a CPU, each is one compiled pass over memory (loops/norm.py). On other devices, with few
channels, or without numba, S is a product with a banded matrix.

Legend: N images, C channels, P positions (of all images).
"""

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from alexcli.model import compiled
from alexcli.model.operators import declare_operator
from alexcli.model.threads import run_in_shares

LEAST_ELEMENTS = 1 << 15
"""Least number of elements that is worth a separate thread."""


def inverse_power(r: Tensor, beta: float) -> Tensor:
    """d ** -beta from r = d ** -0.5; for the paper's 0.75, a square root is faster than a power."""
    return r * r.sqrt() if beta == 0.75 else r.pow(2 * beta)


def at_least_float32(x: Tensor) -> Tensor:
    """x, in float32 if its dtype is narrower, in which a sum of squares would be inexact."""
    return x if x.dtype in (torch.float32, torch.float64) else x.float()


def plain_formula(x: Tensor, size: int, alpha: float, beta: float, k: float) -> Tensor:
    """The norm by slices and sums, for torch.compile and exchange formats.

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


def _lrn(x: Tensor, size: int, alpha: float, beta: float, k: float) -> Tensor:
    """The norm of x, in its dtype and memory format; see `plain_formula`."""
    normalise = _compiled_lrn if compiled.fits(x) else _banded_lrn
    rows = _positions(x)
    return _like(normalise(rows, size, alpha, beta, k), x)


def _lrn_backward(
    grad: Tensor, x: Tensor, size: int, alpha: float, beta: float, k: float
) -> Tensor:
    """The gradient of x from the gradient of its norm."""
    differentiate = _compiled_lrn_backward if compiled.fits(x) else _banded_lrn_backward
    return _like(differentiate(_positions(grad), _positions(x), size, alpha, beta, k), x)


def _positions(x: Tensor) -> Tensor:
    """x as contiguous (..., C), at least float32; a channels-last float map is not copied."""
    return at_least_float32(x.movedim(1, -1)).contiguous()


def _like(positions: Tensor, x: Tensor) -> Tensor:
    """Undo `_positions`: a map in the dtype and memory format of x."""
    result = positions.movedim(-1, 1).to(x.dtype)
    return result.contiguous(memory_format=_memory_format(x))


def _memory_format(x: Tensor) -> torch.memory_format:
    """The memory format of an operator's result for x."""
    if x.is_contiguous(memory_format=torch.channels_last):
        return torch.channels_last
    return torch.contiguous_format


def _compiled_lrn(x: Tensor, size: int, alpha: float, beta: float, k: float) -> Tensor:
    """The norm of (..., C) by the compiled loops."""
    out = torch.empty_like(x)
    channels = x.shape[-1]
    source = x.numpy().reshape(-1)
    target = out.numpy().reshape(-1)
    norm = compiled.norm_constants(source.dtype, size, alpha, beta, k)

    def normalise(first: int, end: int) -> None:
        share = slice(first * channels, end * channels)
        buffers = compiled.norm_buffers(channels, size, source.dtype)
        compiled.norm_loops().normalise(source[share], target[share], channels, norm, buffers)

    run_in_shares(x.numel() // channels, normalise, smallest=LEAST_ELEMENTS // channels)
    return out


def _compiled_lrn_backward(
    grad: Tensor, x: Tensor, size: int, alpha: float, beta: float, k: float
) -> Tensor:
    """The gradient of (..., C) by the compiled loops."""
    grad_x = torch.empty_like(x)
    channels = x.shape[-1]
    arrays = [tensor.numpy().reshape(-1) for tensor in (x, grad, grad_x)]
    dtype: np.dtype[Any] = arrays[0].dtype
    norm = compiled.norm_constants(dtype, size, alpha, beta, k)

    def differentiate(first: int, end: int) -> None:
        share = slice(first * channels, end * channels)
        shares = [array[share] for array in arrays]
        buffers = compiled.norm_buffers(channels, size, dtype)
        compiled.norm_loops().normalise_backward(*shares, channels, norm, buffers)

    run_in_shares(x.numel() // channels, differentiate, smallest=LEAST_ELEMENTS // channels)
    return grad_x


def _banded_lrn(x: Tensor, size: int, alpha: float, beta: float, k: float) -> Tensor:
    """The norm of (..., C) by a product with a banded matrix."""
    with _without_autocast(x):
        r = _inverse_root(x, size, alpha, k)
        return x * inverse_power(r, beta)


def _banded_lrn_backward(
    grad: Tensor, x: Tensor, size: int, alpha: float, beta: float, k: float
) -> Tensor:
    """The gradient of (..., C) by products with banded matrices."""
    mirrored = _window_matrix(x, size, -2 * alpha * beta).T
    with _without_autocast(x):
        r = _inverse_root(x, size, alpha, k)
        # grad_x = g d^-beta + x S'(g d^-beta x / d), with -2 alpha beta in `mirrored`; 1 / d = r r.
        scaled = inverse_power(r, beta) * grad
        return scaled + x * ((scaled * x * r * r) @ mirrored)


def _inverse_root(x: Tensor, size: int, alpha: float, k: float) -> Tensor:
    """r = d ** -0.5 of (..., C), from which both powers of d are computed."""
    return (k + (x * x) @ _window_matrix(x, size, alpha)).rsqrt()


def _window_matrix(x: Tensor, size: int, scale: float) -> Tensor:
    """(C, C); its product with channels is the sum over each channel's window, times `scale`."""
    before = size // 2  # The 2012 code starts the window of channel i at i - floor(size / 2).
    channels = torch.arange(x.shape[-1], device=x.device)
    offset = channels[:, None] - channels[None, :]  # from the receiving channel to the summed one
    inside = (offset >= -before) & (offset < size - before)
    return inside.to(x.dtype) * scale


def _without_autocast(x: Tensor) -> torch.autocast:
    """A context in which autocast does not narrow the products."""
    return torch.autocast(x.device.type, enabled=False)


def _lrn_fake(
    x: Tensor,
    size: int,  # noqa: ARG001
    alpha: float,  # noqa: ARG001
    beta: float,  # noqa: ARG001
    k: float,  # noqa: ARG001
) -> Tensor:
    """Shape and memory format of the result of `lrn`, for tracing."""
    return torch.empty_like(x, memory_format=_memory_format(x))


def _lrn_backward_fake(grad: Tensor, x: Tensor, *_constants: object) -> Tensor:  # noqa: ARG001
    """Shape and memory format of the result of `lrn_backward`, for tracing."""
    return torch.empty_like(x, memory_format=_memory_format(x))


def _save_for_backward(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:  # noqa: ARG001
    x, *constants = inputs
    ctx.constants = constants
    ctx.save_for_backward(x)


def _gradient(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
    (x,) = ctx.saved_tensors
    return lrn_backward(grad, x, *ctx.constants), None, None, None, None


def _refuse_second_derivative(*_: Any) -> None:
    raise RuntimeError(
        "the closed form of the response norm has first derivatives only; "
        "model.lrn.impl=reference has higher ones"
    )


lrn = declare_operator(
    "lrn", _lrn, fake=_lrn_fake, backward=_gradient, setup_context=_save_for_backward
)
lrn_backward = declare_operator(
    "lrn_backward", _lrn_backward, fake=_lrn_backward_fake, backward=_refuse_second_derivative
)
