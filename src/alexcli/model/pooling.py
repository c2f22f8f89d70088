"""Pooling layers (section 3.4), including the average pooling of the 2012 code's CIFAR nets.

Legend: N images, C channels of one tower, H = W side of a feature map.
"""

import torch.nn.functional as F
from torch import Tensor, nn

from alexcli.schema import PoolKind, PoolSpec, Rounding


class Pool(nn.Module):
    """Maximum or average pooling whose windows are clipped at the border of the feature map.

    An average divides by the clipped window's area.

    Args:
        spec: the window, and whether it takes the maximum or the mean.
        rounding: whether a clipped last window counts.
    """

    def __init__(self, spec: PoolSpec, rounding: Rounding) -> None:
        super().__init__()
        self.kind = spec.kind
        self.size = spec.size
        self.stride = spec.stride
        self.ceil = rounding is not Rounding.floor

    def forward(self, x: Tensor) -> Tensor:
        """x (N, C, H, W) -> (N, C, H', W')."""
        if self.kind is PoolKind.max:
            return F.max_pool2d(x, self.size, self.stride, ceil_mode=self.ceil)
        return F.avg_pool2d(x, self.size, self.stride, ceil_mode=self.ceil, count_include_pad=False)
