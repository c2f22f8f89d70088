import pytest
import torch

from alexcli import draws

ROWS = torch.arange(2000)


def test_uniform_numbers_fill_the_interval_evenly() -> None:
    u = draws.uniform(draws.key("t", 0), ROWS, 50)
    assert u.min() >= 0
    assert u.max() < 1
    counts = torch.histc(u, 20, 0, 1) / u.numel()
    assert (counts - 0.05).abs().max() < 0.003


def test_normal_numbers_have_mean_zero_and_variance_one() -> None:
    z = draws.normal(draws.key("t", 1), ROWS, 50)
    assert z.mean().item() == pytest.approx(0, abs=0.01)
    assert z.std().item() == pytest.approx(1, abs=0.01)
    assert (z**4).mean().item() == pytest.approx(3, abs=0.1)


def test_rows_columns_and_keys_are_uncorrelated() -> None:
    a = draws.uniform(draws.key("a"), ROWS, 40)
    b = draws.uniform(draws.key("b"), ROWS, 40)
    for x, y in ((a, b), (a[:, :-1], a[:, 1:]), (a[:-1], a[1:])):
        pair = torch.stack([x.flatten(), y.flatten()])
        assert abs(torch.corrcoef(pair)[0, 1].item()) < 0.015


def test_a_number_depends_on_its_row_and_column_alone() -> None:
    key = draws.key("x")
    whole = draws.bits(key, torch.arange(10), torch.arange(20))
    part = draws.bits(key, torch.arange(5, 8), torch.arange(3, 9))
    assert torch.equal(whole[5:8, 3:9], part)


@pytest.mark.parametrize("rate", [0.0, 0.2, 0.5, 0.9])
def test_masks_drop_at_their_rate(rate: float) -> None:
    mask = draws.keep_mask(draws.key("m"), ROWS, torch.arange(100), rate)
    assert 1 - mask.float().mean().item() == pytest.approx(rate, abs=0.005)


def test_keys_separate_their_parts() -> None:
    assert draws.key("a", 12) != draws.key("a1", 2)
    assert draws.key("a", 1, 2) != draws.key("a", 12)
