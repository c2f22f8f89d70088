"""Nets in terms that exchange formats know: response norms as a standard operator. Without it they
are exported as plain arithmetic, in place of the closed form that training uses.
"""

import copy
from typing import Any

import torch
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
                fits = operator and shape.in_size > 1
                if isinstance(op, LocalResponseNorm) and fits and op.size % 2 == 1:
                    ops[name] = OperatorNorm(op)
    return made
