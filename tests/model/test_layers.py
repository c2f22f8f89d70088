import pytest
import torch
import torch.nn.functional as F

from alexcli.draws import At
from alexcli.model.layers import Dropout, Pool
from alexcli.schema import DropoutKind, PoolKind, PoolSpec, Rounding


def _dropout(kind: DropoutKind = DropoutKind.test_scale, tower: int = 0) -> Dropout:
    return Dropout(0.5, kind, layer="fc6", tower=tower)


def test_test_scale_drops_without_rescaling_and_halves_at_test() -> None:
    dropout, x = _dropout(), torch.ones(64, 1000)
    out = dropout(x, At(0, 0))
    assert set(out.unique().tolist()) == {0.0, 1.0}
    assert out.mean().item() == pytest.approx(0.5, abs=0.01)
    assert torch.equal(dropout.eval()(x, None), x * 0.5)


def test_inverted_rescales_in_training_and_does_nothing_at_test() -> None:
    dropout, x = _dropout(DropoutKind.inverted), torch.ones(64, 1000)
    assert set(dropout(x, At(0, 0)).unique().tolist()) == {0.0, 2.0}
    assert torch.equal(dropout.eval()(x, None), x)


def test_a_mask_is_a_function_of_seed_step_unit_and_row() -> None:
    dropout, x = _dropout(), torch.ones(8, 100)
    assert torch.equal(dropout(x, At(0, 5)), dropout(x, At(0, 5)))
    assert not torch.equal(dropout(x, At(0, 5)), dropout(x, At(0, 6)))
    assert not torch.equal(dropout(x, At(0, 5)), dropout(x, At(1, 5)))
    whole = dropout(x, At(0, 5))
    assert torch.equal(dropout(x[:3], At(0, 5, row=5)), whole[5:])


def test_two_towers_masks_are_the_halves_of_one() -> None:
    whole = _dropout()(torch.ones(4, 200), At(0, 1))
    halves = [_dropout(tower=t)(torch.ones(4, 100), At(0, 1)) for t in (0, 1)]
    assert torch.equal(torch.cat(halves, 1), whole)


def test_training_without_a_place_is_refused() -> None:
    with pytest.raises(ValueError, match="place in training"):
        _dropout()(torch.ones(1, 2), None)


def test_averages_divide_by_the_area_inside_the_map() -> None:
    pool = Pool(PoolSpec(kind=PoolKind.avg, size=3, stride=2), Rounding.ceil)
    out = pool(torch.ones(1, 1, 8, 8))
    assert out.shape[-1] == 4
    assert torch.equal(out, torch.ones_like(out))


def test_overlapping_pooling_is_torchs() -> None:
    x = torch.randn(2, 3, 13, 13)
    pool = Pool(PoolSpec(), Rounding.floor)
    assert torch.equal(pool(x), F.max_pool2d(x, 3, 2))
