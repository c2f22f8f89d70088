"""Local response normalisation in closed form (section 3.3), and the 2012 code's spatial relative.

out = x * (k + a * S(x^2)) ** -beta, where S sums `size` adjacent maps, clipped at both ends.
With g the gradient of out and d = k + a * S(x^2), the gradient of x is
g * d**-beta - 2 * a * beta * x * S'(g * x * d**(-beta - 1)), where S' is S mirrored.

On a CPU both passes go through the tensor in blocks that stay in the cache, each from beginning to
end on one thread: the result does not depend on their number, and no thread waits for another.
"""

import contextlib
import functools
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from alexcli.schema import LrnConvention, LrnImpl, LrnSpec, SpatialLrnSpec

BLOCK = 1 << 17  # numbers; of 2**14 to 2**19 the fastest in both layers' shapes (results/speed)


def _power(r: Tensor, beta: float) -> Tensor:
    """d ** -beta of r = d ** -0.5: for the paper's 0.75, a root costs a fraction of a power."""
    return r * r.sqrt() if beta == 0.75 else r.pow(2 * beta)


def _wide(x: Tensor) -> Tensor:
    """x in float32 at least: narrow types lose the sum of squares."""
    return x if x.dtype in (torch.float32, torch.float64) else x.float()


def _plain(x: Tensor, size: int, alpha: float, beta: float, k: float) -> Tensor:
    """The formula by slices and sums, for compilers and exchange formats."""
    wide, before, maps = _wide(x), size // 2, x.shape[1]
    squares = F.pad(wide * wide, [0, 0] * (x.dim() - 2) + [before, size - 1 - before])
    total = squares[:, :maps]
    for shift in range(1, size):
        total = total + squares[:, shift : shift + maps]
    return (wide * (k + alpha * total) ** -beta).to(x.dtype)


def _band(x: Tensor, size: int, scale: float) -> Tensor:
    """A matrix whose product with maps sums those in the window of each, times `scale`."""
    before = size // 2  # The 2012 code starts the window at i - floor(size / 2).
    maps = torch.arange(x.shape[1], device=x.device)
    offset = maps[:, None] - maps[None, :]  # of the summed map from the one that receives
    return ((offset >= -before) & (offset < size - before)).to(_wide(x[:0]).dtype) * scale


def _blocks(x: Tensor) -> Sequence[Tensor]:
    """Views (positions, maps) of a dense x, which on a CPU are small enough for its cache."""
    if x.dim() == 4 and x.is_contiguous(memory_format=torch.channels_last):
        whole = x.permute(0, 2, 3, 1).view(-1, x.shape[1])
    elif x.dim() == 2:
        whole = x
    else:
        return [picture.flatten(1).T for picture in x]
    small = x.device.type != "cpu" or x.numel() <= 16 * BLOCK  # which torch's own threads do faster
    return [whole] if small else torch.split(whole, max(1, BLOCK // x.shape[1]))


def _dense(x: Tensor, like: Tensor | None = None) -> Tensor:
    """x without gaps, in channels-last order if `like`, or else x itself, is."""
    last = (x if like is None else like).is_contiguous(memory_format=torch.channels_last)
    return x.contiguous(memory_format=torch.channels_last if last else torch.contiguous_format)


@functools.cache
def _pool(threads: int, process: int) -> ThreadPoolExecutor:  # noqa: ARG001
    """Threads of this process, none of which splits its own work further."""
    return ThreadPoolExecutor(threads, "lrn", torch.set_num_threads, (1,))


def _each(work: Callable[..., None], *tensors: Tensor) -> None:
    """Call `work` with the blocks of the tensors, as many at a time as torch has threads."""
    rest = zip(*map(_blocks, tensors), strict=True)
    kind, threads = tensors[0].device.type, torch.get_num_threads()

    def drain() -> None:
        with contextlib.ExitStack() as stack:
            stack.enter_context(torch.inference_mode())
            if torch.amp.is_autocast_available(kind):  # which would narrow the products
                stack.enter_context(torch.autocast(kind, enabled=False))
            for blocks in rest:
                work(*blocks)

    if kind != "cpu" or threads == 1 or tensors[0].numel() <= 16 * BLOCK:
        drain()
        return
    for done in [_pool(threads, os.getpid()).submit(drain) for _ in range(threads)]:
        done.result()


@torch.library.custom_op("alexcli::lrn", mutates_args=())
def _lrn(
    x: Tensor, size: int, alpha: float, beta: float, k: float, keep: bool
) -> tuple[Tensor, Tensor]:
    """The norm of x and, where it is to be kept, r = d ** -0.5; otherwise nothing.

    From r the backward pass has both of its powers, d ** -beta and 1 / d, by products.
    """
    x = _dense(x)
    out, r = torch.empty_like(x), torch.empty_like(x if keep else x[:0])
    band = _band(x, size, alpha)
    constant = band.new_full((1,), k)

    def work(x: Tensor, out: Tensor, *kept: Tensor) -> None:
        wide = _wide(x)
        d = torch.addmm(constant, wide * wide, band)
        r = torch.rsqrt(d, out=kept[0] if kept else d)
        torch.mul(wide, _power(r, beta), out=out)

    _each(work, x, out, *([r] if keep else []))
    return out, r


@torch.library.custom_op("alexcli::lrn_backward", mutates_args=())
def _lrn_backward(
    grad: Tensor, x: Tensor, r: Tensor, size: int, alpha: float, beta: float, k: float
) -> Tensor:
    """The gradient of x; an empty r is computed again."""
    x = _dense(x)
    grad, out = _dense(grad, x), torch.empty_like(x)
    band, mirrored = _band(x, size, alpha), _band(x, size, -2 * alpha * beta).T.contiguous()
    constant = band.new_full((1,), k)

    def work(x: Tensor, grad: Tensor, out: Tensor, *kept: Tensor) -> None:
        wide = _wide(x)
        r = kept[0] if kept else torch.addmm(constant, wide * wide, band).rsqrt_()
        scaled = _power(r, beta).mul_(grad)
        spread = (scaled * wide).mul_(r).mul_(r) @ mirrored
        torch.addcmul(scaled, wide, spread, out=out)

    _each(work, x, grad, out, *([r] if r.numel() else []))
    return out


@_lrn.register_fake
def _(x: Tensor, *constants: float) -> tuple[Tensor, Tensor]:
    x = _dense(x)
    return torch.empty_like(x), torch.empty_like(x if constants[-1] else x[:0])


@_lrn_backward.register_fake
def _(grad: Tensor, x: Tensor, *_: object) -> Tensor:  # noqa: ARG001
    return torch.empty_like(_dense(x))


def _remember(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
    x, *ctx.constants, _ = inputs
    ctx.save_for_backward(x, output[1])
    ctx.mark_non_differentiable(output[1])


def _gradient(ctx: Any, grad: Tensor, _: Any) -> tuple[Tensor | None, ...]:
    return _lrn_backward(grad, *ctx.saved_tensors, *ctx.constants), *[None] * 5


def _refuse(*_: Any) -> None:
    raise RuntimeError(
        "the closed form of the response norm has one derivative; model.lrn.impl=reference has more"
    )


_lrn.register_autograd(_gradient, setup_context=_remember)
_lrn_backward.register_autograd(_refuse)


def local_response_norm(
    x: Tensor, *, size: int, alpha: float, beta: float, k: float, impl: LrnImpl = LrnImpl.auto
) -> Tensor:
    """Normalise across maps; `alpha` multiplies each square.

    Args:
        x: (N, C, ...) float.
        size: maps in the window (n of section 3.3).
        alpha: strength per term.
        beta: exponent.
        k: constant.
        impl: how it is computed; see `LrnImpl`.

    Returns:
        As x. The closed form has one derivative, and a RuntimeError when asked for the second; it
        keeps x and r = d ** -0.5, which for types narrower than float32 is computed again.
    """
    fused = torch.compiler.is_compiling() and x.device.type != "cpu"
    if torch.compiler.is_exporting() or (impl is LrnImpl.auto and fused):
        return _plain(x, size, alpha, beta, k)
    if impl is LrnImpl.reference:
        return F.local_response_norm(_wide(x), size, size * alpha, beta, k).to(x.dtype)
    keep = torch.is_grad_enabled() and x.requires_grad and _wide(x[:0]).dtype is x.dtype
    out: Tensor = _lrn(x, size, alpha, beta, k, keep)[0]
    return out


class LocalResponseNorm(nn.Module):
    """Normalisation across the maps of one tower (section 3.3)."""

    def __init__(self, spec: LrnSpec) -> None:
        super().__init__()
        self.size, self.beta, self.k = spec.size, spec.beta, spec.k
        per_term = spec.alpha if spec.convention is LrnConvention.paper else spec.alpha / spec.size
        self.alpha, self.impl = per_term, spec.impl

    def forward(self, x: Tensor) -> Tensor:
        """x (N, C, H, W) or (N, C) -> the same shape."""
        return local_response_norm(
            x, size=self.size, alpha=self.alpha, beta=self.beta, k=self.k, impl=self.impl
        )

    def extra_repr(self) -> str:
        """Constants, alpha per term."""
        return f"size={self.size}, alpha_per_term={self.alpha:g}, beta={self.beta}, k={self.k}"


class SpatialResponseNorm(nn.Module):
    """x * (1 + alpha * mean of x^2 over a square window of the same map) ** -beta (2012 code).

    The mean counts zeros outside the map, as the 2012 code divides by size * size everywhere.
    """

    def __init__(self, spec: SpatialLrnSpec) -> None:
        super().__init__()
        self.size, self.alpha, self.beta = spec.size, spec.alpha, spec.beta

    def forward(self, x: Tensor) -> Tensor:
        """x (N, C, H, W) -> the same shape."""
        before = self.size // 2
        after = self.size - 1 - before
        wide = _wide(x)
        squares = F.pad(wide * wide, (before, after, before, after))
        d = F.avg_pool2d(squares, self.size, stride=1).mul(self.alpha).add(1)
        return (wide * _power(d.rsqrt(), self.beta)).to(x.dtype)

    def extra_repr(self) -> str:
        """Constants."""
        return f"size={self.size}, alpha={self.alpha:g}, beta={self.beta}"
