"""Nets in terms that exchange formats know: response norms as a standard operator or as plain
arithmetic, in place of the closed form that training uses.
"""

import copy
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from alexcli.model.lrn import LocalResponseNorm
from alexcli.model.towers import Towers


class OperatorNorm(nn.Module):
    """ONNX's LRN operator, which divides alpha by the window's size. It only exists in an export.

    Its window equals ours where `size` is odd; an even one starts a map later than the 2012 code's.
    """

    def __init__(self, norm: LocalResponseNorm) -> None:
        super().__init__()
        self.constants: dict[str, Any] = {
            "alpha": norm.alpha * norm.size,
            "beta": norm.beta,
            "bias": norm.k,
            "size": norm.size,
        }

    def forward(self, x: Tensor) -> Tensor:
        """x (N, C, H, W) -> the same shape."""
        return torch.onnx.ops.symbolic(
            "LRN", (x,), self.constants, dtype=x.dtype, shape=x.shape, version=13
        )


class PlainNorm(nn.Module):
    """The formula of section 3.3 by slices and sums."""

    def __init__(self, norm: LocalResponseNorm) -> None:
        super().__init__()
        self.size, self.alpha, self.beta, self.k = norm.size, norm.alpha, norm.beta, norm.k

    def forward(self, x: Tensor) -> Tensor:
        """x (N, C, H, W) or (N, C) -> the same shape."""
        before, maps = self.size // 2, x.shape[1]
        around = [0, 0] * (x.dim() - 2) + [before, self.size - 1 - before]
        squares = F.pad(x * x, around)
        total = squares[:, :maps]
        for shift in range(1, self.size):
            total = total + squares[:, shift : shift + maps]
        return x * (self.k + self.alpha * total) ** -self.beta


def portable(net: Towers, *, operator: bool) -> Towers:
    """A copy whose response norms can be exported.

    Args:
        net: stays as it is.
        operator: ONNX's LRN where it equals ours (odd windows, maps); otherwise plain arithmetic.
    """
    made = copy.deepcopy(net)
    for shape in made.shapes:
        for tower in made.mine:
            ops = made.layer(tower, shape.name).ops
            for name, op in ops.items():
                if isinstance(op, LocalResponseNorm):
                    fits = operator and op.size % 2 == 1 and shape.in_size > 1
                    ops[name] = OperatorNorm(op) if fits else PlainNorm(op)
    return made
