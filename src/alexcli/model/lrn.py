"""Local response normalisation in closed form (section 3.3), and the 2012 code's spatial relative.

out = x * (k + a * S(x^2)) ** -beta, where S sums `size` adjacent maps, clipped at both ends.
With g the gradient of out and d = k + a * S(x^2), the gradient of x is
g * d**-beta - 2 * a * beta * x * S'(g * x * d**(-beta - 1)), where S' is S mirrored.
"""

import contextlib
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from alexcli.schema import LrnConvention, LrnSpec, SpatialLrnSpec


def _window_sum(x: Tensor, before: int, after: int) -> Tensor:
    """Sum over maps i - before .. i + after at every position; x (N, C, ...).

    A product with a banded matrix of ones: one pass over x, where a sum of shifted copies makes
    `before + after`.
    """
    maps = torch.arange(x.shape[1], device=x.device)
    offset = maps[:, None] - maps[None, :]  # of the summed map from the one that receives
    band = ((offset >= -before) & (offset <= after)).to(x.dtype)
    if x.dim() == 4 and x.is_contiguous(memory_format=torch.channels_last):
        return (x.permute(0, 2, 3, 1) @ band).permute(0, 3, 1, 2)
    return (band.T @ x.flatten(2)).view_as(x) if x.dim() > 2 else x @ band


def _inverse_power(d: Tensor, beta: float) -> Tensor:
    """d ** -beta; two square roots for the paper's 0.75, which cost a fraction of a power."""
    if beta == 0.75:
        root = d.rsqrt()
        return root * root.sqrt()
    return d.pow(-beta)


def _wide(x: Tensor) -> Tensor:
    """x in float32 at least: narrow types lose the sum of squares."""
    return x if x.dtype in (torch.float32, torch.float64) else x.float()


def _without_autocast(x: Tensor) -> contextlib.AbstractContextManager[None]:
    """Keep autocast from narrowing a product; some devices, such as meta, know no autocast."""
    kind = x.device.type
    if not torch.amp.is_autocast_available(kind):
        return contextlib.nullcontext()
    return torch.autocast(kind, enabled=False)


class _Lrn(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, size: int, alpha: float, beta: float, k: float) -> Tensor:
        wide = _wide(x)
        before = size // 2  # The 2012 code starts the window at i - floor(size / 2).
        with _without_autocast(x):
            d = _window_sum(wide * wide, before, size - 1 - before).mul_(alpha).add_(k)
        ctx.save_for_backward(x, d)
        ctx.constants = (size, alpha, beta)
        return (wide * _inverse_power(d, beta)).to(x.dtype)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, d = ctx.saved_tensors
        size, alpha, beta = ctx.constants
        dtype, x, grad = x.dtype, x.to(d.dtype), grad.to(d.dtype)
        before = size // 2
        scaled = grad * _inverse_power(d, beta)
        with _without_autocast(x):
            spread = _window_sum(scaled * x / d, size - 1 - before, before)
        gradient = scaled.addcmul_(x, spread, value=-2 * alpha * beta)
        return gradient.to(dtype), None, None, None, None


def local_response_norm(x: Tensor, *, size: int, alpha: float, beta: float, k: float) -> Tensor:
    """Normalise across maps; `alpha` multiplies each square.

    Args:
        x: (N, C, ...) float.
        size: maps in the window (n of section 3.3).
        alpha: strength per term.
        beta: exponent.
        k: constant.

    Returns:
        As x. Differentiable once.
    """
    out: Tensor = _Lrn.apply(x, size, alpha, beta, k)
    return out


class LocalResponseNorm(nn.Module):
    """Normalisation across the maps of one tower (section 3.3)."""

    def __init__(self, spec: LrnSpec) -> None:
        super().__init__()
        self.size, self.beta, self.k = spec.size, spec.beta, spec.k
        per_term = spec.alpha if spec.convention is LrnConvention.paper else spec.alpha / spec.size
        self.alpha = per_term

    def forward(self, x: Tensor) -> Tensor:
        """x (N, C, H, W) or (N, C) -> the same shape."""
        return local_response_norm(x, size=self.size, alpha=self.alpha, beta=self.beta, k=self.k)

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
        return (wide * _inverse_power(d, self.beta)).to(x.dtype)

    def extra_repr(self) -> str:
        """Constants."""
        return f"size={self.size}, alpha={self.alpha:g}, beta={self.beta}"
