"""Pooling layers against torch's functions."""

import torch
import torch.nn.functional as F

from alexcli.model.pooling import Pool
from alexcli.schema import PoolKind, PoolSpec, Rounding


def test_averages_divide_by_the_area_inside_the_map() -> None:
    pool = Pool(PoolSpec(kind=PoolKind.avg, size=3, stride=2), Rounding.ceil)
    out = pool(torch.ones(1, 1, 8, 8))
    assert out.shape[-1] == 4
    assert torch.equal(out, torch.ones_like(out))


def test_overlapping_pooling_is_torchs() -> None:
    x = torch.randn(2, 3, 13, 13)
    pool = Pool(PoolSpec(), Rounding.floor)
    assert torch.equal(pool(x), F.max_pool2d(x, 3, 2))
