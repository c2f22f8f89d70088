import pytest
import torch

from alexcli import rng

ROWS = torch.arange(2000)


def test_uniform_numbers_fill_the_interval_evenly() -> None:
    uniforms = rng.uniform(rng.stream_key("t", 0), ROWS, 50)
    assert uniforms.min() >= 0
    assert uniforms.max() < 1
    shares = torch.histc(uniforms, 20, 0, 1) / uniforms.numel()
    assert (shares - 0.05).abs().max() < 0.003


def test_normal_numbers_have_mean_zero_and_variance_one() -> None:
    normals = rng.normal(rng.stream_key("t", 1), ROWS, 50)
    assert normals.mean().item() == pytest.approx(0, abs=0.01)
    assert normals.std().item() == pytest.approx(1, abs=0.01)
    assert (normals**4).mean().item() == pytest.approx(3, abs=0.1)


def test_rows_columns_and_keys_are_uncorrelated() -> None:
    a = rng.uniform(rng.stream_key("a"), ROWS, 40)
    b = rng.uniform(rng.stream_key("b"), ROWS, 40)
    for x, y in ((a, b), (a[:, :-1], a[:, 1:]), (a[:-1], a[1:])):
        pair = torch.stack([x.flatten(), y.flatten()])
        assert abs(torch.corrcoef(pair)[0, 1].item()) < 0.015


def test_a_number_depends_on_its_row_and_column_alone() -> None:
    key = rng.stream_key("x")
    whole = rng.bits(key, torch.arange(10), torch.arange(20))
    part = rng.bits(key, torch.arange(5, 8), torch.arange(3, 9))
    assert torch.equal(whole[5:8, 3:9], part)


def test_numbers_never_change_between_versions() -> None:
    """Resumed runs and published results depend on them."""
    key = rng.stream_key("dropout", 0, "fc6")
    assert key == 17735683946034604576
    integers = rng.bits(key, torch.arange(2), torch.arange(2))
    assert integers.tolist() == [[2297044909, 1941324366], [2115372993, 1948369070]]


@pytest.mark.parametrize("rate", [0.0, 0.2, 0.5, 0.9])
def test_masks_drop_at_their_rate(rate: float) -> None:
    mask = rng.keep_mask(rng.stream_key("m"), ROWS, torch.arange(100), rate)
    assert 1 - mask.float().mean().item() == pytest.approx(rate, abs=0.005)


def test_keys_separate_their_parts() -> None:
    assert rng.stream_key("a", 12) != rng.stream_key("a1", 2)
    assert rng.stream_key("a", 1, 2) != rng.stream_key("a", 12)
