"""The response norm across channels and its gradient (section 3.3), for rows of positions.

Legend: P positions, C >= LANES channels.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from alexcli.model.loops.common import LANES, Floats, compiled, copy, index, inner

CHUNK = 32
"""Positions normalised at a time, few enough for the buffers to stay in the cache."""


class Norm(NamedTuple):
    """A response norm; the numbers have the type of the images."""

    window: int
    """Channels that are summed; 0 for no norm."""
    before: int
    """Number of them before the channel that is normalised."""
    alpha: float
    beta: float
    k: float
    """Above 0, so that the norm of the zeros in a buffer is finite."""


class NormBuffers(NamedTuple):
    """Memory for CHUNK positions, all zero at first.

    The channels of two positions are separated by window - 1 zeros, so that one long loop sums the
    windows of all positions.
    """

    x: Floats
    grad: Floats
    squares: Floats
    """The terms that the norm sums; longer by one position."""
    mirrored: Floats
    """The terms that its gradient sums, in mirrored windows; longer by one position."""
    d: Floats
    power: Floats

    @classmethod
    def allocate(cls, channels: int, window: int, dtype: Any) -> "NormBuffers":
        """Buffers for maps of C channels."""
        step = channels + max(0, window - 1)
        longer = (CHUNK + 1) * step
        return cls(
            x=np.zeros(CHUNK * step, dtype),
            grad=np.zeros(CHUNK * step, dtype),
            squares=np.zeros(longer, dtype),
            mirrored=np.zeros(longer, dtype),
            d=np.zeros(CHUNK * step, dtype),
            power=np.zeros(CHUNK * step, dtype),
        )


@inner
def _copy_channels(
    source: Floats,
    source_step: int,
    target: Floats,
    target_step: int,
    count: int,
    channels: int,
    relu: bool,
) -> None:
    """Copy the channels of P positions, after a ReLU if there is one; NaN stays NaN, as in torch.

    Args:
        source: flat, with `source_step` elements from one position to the next.
        target: flat, with `target_step`.
    """
    zero = source.dtype.type(0)
    for p in range(count):
        for block in range(0, channels, LANES):
            channel = min(block, channels - LANES)
            for lane in range(LANES):
                value = source[index(p * source_step + channel + lane)]
                if relu:
                    value = zero if value < zero else value
                target[index(p * target_step + channel + lane)] = value


@inner
def _window_sums(terms: Floats, sums: Floats, window: int) -> None:
    """sums[q] = terms[q] + ... + terms[q + window - 1]; the paper's window takes one pass."""
    if window == 5:
        for q in range(len(sums)):
            pairs = (terms[q] + terms[q + 1]) + (terms[q + 2] + terms[q + 3])
            sums[q] = pairs + terms[q + 4]
        return
    copy(terms, sums)
    for offset in range(1, window):
        shifted = terms[offset:]
        for q in range(len(sums)):
            sums[q] += shifted[q]


@inner
def _powers(x: Floats, squares: Floats, d: Floats, power: Floats, norm: Norm) -> None:
    """d = k + alpha * the sum of x^2 over the window, and power = d ** -beta."""
    shifted = squares[norm.before :]
    for q in range(len(x)):
        shifted[q] = x[q] * x[q]
    _window_sums(squares, d, norm.window)
    one = d.dtype.type(1)
    if norm.beta == 0.75:  # two square roots are much faster than a power
        for q in range(len(d)):
            d[q] = norm.k + norm.alpha * d[q]
            inverse_root = one / math.sqrt(d[q])
            power[q] = inverse_root * math.sqrt(inverse_root)
        return
    for q in range(len(d)):
        d[q] = norm.k + norm.alpha * d[q]
        power[q] = d[q] ** -norm.beta


@inner
def normalise_positions(
    x: Floats, out: Floats, channels: int, relu: bool, norm: Norm, buffers: NormBuffers
) -> None:
    """out = the norm of x, both (P * C,), after a ReLU if there is one."""
    positions = len(x) // channels
    if norm.window == 0:
        _copy_channels(x, LANES, out, LANES, len(x) // LANES, LANES, relu)
        _copy_channels(x[len(x) - LANES :], 0, out[len(x) - LANES :], 0, 1, LANES, relu)
        return
    step = channels + norm.window - 1
    for first in range(0, positions, CHUNK):
        count = min(CHUNK, positions - first)
        values = buffers.x[: count * step]
        power = buffers.power[: count * step]
        _copy_channels(x[first * channels :], channels, values, step, count, channels, relu)
        _powers(values, buffers.squares, buffers.d[: count * step], power, norm)
        for q in range(count * step):
            power[q] *= values[q]
        _copy_channels(power, step, out[first * channels :], channels, count, channels, False)


@inner
def _differentiate_norm(count: int, relu: bool, norm: Norm, buffers: NormBuffers) -> None:
    """Replace the gradient of a norm in the buffers by the gradient of its input.

    With g the gradient of the norm, it is g d^-beta - 2 alpha beta x S'(g x d^(-beta - 1)), where
    S' sums the mirrored window. It is 0 wherever a ReLU before the norm gave 0.
    """
    x = buffers.x[:count]
    grad = buffers.grad[:count]
    d = buffers.d[:count]
    power = buffers.power[:count]
    zero = x.dtype.type(0)
    two = x.dtype.type(2)
    factor = two * norm.alpha * norm.beta
    _powers(x, buffers.squares, d, power, norm)
    shifted = buffers.mirrored[norm.window - 1 - norm.before :]
    for q in range(count):
        scaled = power[q] * grad[q]
        grad[q] = scaled
        shifted[q] = scaled * x[q] / d[q]
    _window_sums(buffers.mirrored, d, norm.window)
    for q in range(count):
        gradient = grad[q] - factor * x[q] * d[q]
        if relu:
            gradient = zero if x[q] <= zero else gradient
        power[q] = gradient


@inner
def differentiate_positions(
    x: Floats,
    grad: Floats,
    grad_x: Floats,
    channels: int,
    relu: bool,
    norm: Norm,
    buffers: NormBuffers,
) -> None:
    """grad_x = the gradient of x from that of `normalise_positions`, all (P * C,)."""
    zero = x.dtype.type(0)
    if norm.window == 0:
        for q in range(len(x)):
            gradient = grad[q]
            if relu:
                gradient = zero if x[q] <= zero else gradient
            grad_x[q] = gradient
        return
    positions = len(x) // channels
    step = channels + norm.window - 1
    for first in range(0, positions, CHUNK):
        count = min(CHUNK, positions - first)
        _copy_channels(x[first * channels :], channels, buffers.x, step, count, channels, relu)
        _copy_channels(
            grad[first * channels :], channels, buffers.grad, step, count, channels, False
        )
        _differentiate_norm(count * step, relu, norm, buffers)
        _copy_channels(
            buffers.power, step, grad_x[first * channels :], channels, count, channels, False
        )


@compiled
def normalise(x: Floats, out: Floats, channels: int, norm: Norm, buffers: NormBuffers) -> None:
    """out = the response norm of x, both (P * C,)."""
    normalise_positions(x, out, channels, False, norm, buffers)


@compiled
def normalise_backward(
    x: Floats, grad: Floats, grad_x: Floats, channels: int, norm: Norm, buffers: NormBuffers
) -> None:
    """grad_x = the gradient of `normalise`'s x from that of its result, all (P * C,)."""
    differentiate_positions(x, grad, grad_x, channels, False, norm, buffers)
