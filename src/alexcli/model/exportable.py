"""Nets whose response norms are expressed in operations that exchange formats know.

A response norm is exported as ONNX's own operator or as plain arithmetic, in place of the closed
form that training uses.
"""

import copy
from typing import Any

import torch
from torch import Tensor, nn

from alexcli.model.lrn import LocalResponseNorm
from alexcli.model.net import Net
from alexcli.model.shapes import LayerShape
from alexcli.model.towers import Towers


class OperatorNorm(nn.Module):
    """ONNX's LRN operator as a replacement of a response norm; it can only be exported, not run.

    Its window equals ours if `size` is odd; for an even size it starts one channel later than in
    the 2012 code.

    Args:
        norm: the response norm whose constants the operator takes.
    """

    def __init__(self, norm: LocalResponseNorm) -> None:
        super().__init__()
        self.constants: dict[str, Any] = {
            "alpha": norm.alpha * norm.size,  # the operator divides alpha by the window's size
            "beta": norm.beta,
            "bias": norm.k,
            "size": norm.size,
        }

    def forward(self, x: Tensor) -> Tensor:
        """x (N, C, H, W) -> the same shape."""
        return torch.onnx.ops.symbolic(
            "LRN", (x,), self.constants, dtype=x.dtype, shape=x.shape, version=13
        )


def exportable_copy(net: Net, *, operator: bool) -> Net:
    """A copy of a net that can be exported.

    Args:
        net: the net, which is not changed; one that torchvision built is copied as it is.
        operator: whether response norms become ONNX's LRN operator if it equals ours (odd
            windows, over feature maps). The others are exported as plain arithmetic.
    """
    duplicate = copy.deepcopy(net)
    if operator and isinstance(duplicate, Towers):
        for shape in duplicate.shapes:
            for tower in duplicate.local_towers:
                _replace_norms(duplicate.layer(tower, shape.name).ops, shape)
    return duplicate


def _replace_norms(ops: nn.ModuleDict, shape: LayerShape) -> None:
    """Replace the response norms that equal ONNX's operator by it."""
    over_feature_maps = shape.in_size > 1
    for name, op in ops.items():
        if isinstance(op, LocalResponseNorm) and op.size % 2 == 1 and over_feature_maps:
            ops[name] = OperatorNorm(op)
