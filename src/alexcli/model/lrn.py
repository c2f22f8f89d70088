"""Response norms: across channels (section 3.3), and over a window of one channel (2012 code)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from alexcli.model.lrn_kernels import at_least_float32, inverse_power, lrn, plain_formula
from alexcli.schema import LrnConvention, LrnImpl, LrnSpec, SpatialLrnSpec


def local_response_norm(
    x: Tensor, *, size: int, alpha: float, beta: float, k: float, impl: LrnImpl = LrnImpl.auto
) -> Tensor:
    """Normalise across channels: x * (k + alpha * sum of squares in the window) ** -beta.

    Args:
        x: (N, C, ...) float.
        size: channels in the window (n of section 3.3), clipped at the first and last channel.
        alpha: strength, multiplied by each square.
        beta: exponent.
        k: additive constant.
        impl: how the norm is computed; see `LrnImpl`.

    Returns:
        A tensor with the shape and dtype of x. The closed form has only a first derivative, and
        raises a RuntimeError when asked for the second.
    """
    compiled_for_gpu = torch.compiler.is_compiling() and x.device.type != "cpu"
    if torch.compiler.is_exporting() or (impl is LrnImpl.auto and compiled_for_gpu):
        return plain_formula(x, size, alpha, beta, k)
    if impl is LrnImpl.reference:
        return _torch_operator(x, size, alpha, beta, k)
    out: Tensor = lrn(x, size, alpha, beta, k)
    return out


def _torch_operator(x: Tensor, size: int, alpha: float, beta: float, k: float) -> Tensor:
    """torch's own operator, which divides alpha by the window's size and has all derivatives."""
    wide = at_least_float32(x)
    if x.dim() == 2:  # the operator wants at least one dimension after the channels
        return F.local_response_norm(wide[..., None], size, size * alpha, beta, k)[..., 0].to(
            x.dtype
        )
    return F.local_response_norm(wide, size, size * alpha, beta, k).to(x.dtype)


class LocalResponseNorm(nn.Module):
    """Normalisation across the channels of one tower (section 3.3).

    Args:
        spec: the constants, and how the norm is computed.
    """

    def __init__(self, spec: LrnSpec) -> None:
        super().__init__()
        self.size = spec.size
        self.alpha = (
            spec.alpha if spec.convention is LrnConvention.paper else spec.alpha / spec.size
        )
        self.beta = spec.beta
        self.k = spec.k
        self.impl = spec.impl

    def forward(self, x: Tensor) -> Tensor:
        """x (N, C, H, W) or (N, C) -> the same shape."""
        return local_response_norm(
            x, size=self.size, alpha=self.alpha, beta=self.beta, k=self.k, impl=self.impl
        )

    def extra_repr(self) -> str:
        """Constants, alpha per term."""
        return f"size={self.size}, alpha_per_term={self.alpha:g}, beta={self.beta}, k={self.k}"


class SpatialResponseNorm(nn.Module):
    """x * (1 + alpha * mean of x^2 over a square window of the same channel) ** -beta (2012 code).

    The mean counts zeros outside the feature map: the 2012 code divides by size * size everywhere.

    Args:
        spec: the constants.
    """

    def __init__(self, spec: SpatialLrnSpec) -> None:
        super().__init__()
        self.size = spec.size
        self.alpha = spec.alpha
        self.beta = spec.beta

    def forward(self, x: Tensor) -> Tensor:
        """x (N, C, H, W) -> the same shape."""
        before = self.size // 2
        after = self.size - 1 - before
        wide = at_least_float32(x)
        squares = F.pad(wide * wide, (before, after, before, after))
        d = F.avg_pool2d(squares, self.size, stride=1).mul(self.alpha).add(1)
        return (wide * inverse_power(d.rsqrt(), self.beta)).to(x.dtype)

    def extra_repr(self) -> str:
        """Constants."""
        return f"size={self.size}, alpha={self.alpha:g}, beta={self.beta}"
