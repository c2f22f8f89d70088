from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from alexcli.records.features import FeatureBatch
from alexcli.render.feature_files import SUFFIXES, write_features


def _batches(*sizes: int) -> Iterator[FeatureBatch]:
    values = np.random.default_rng(0).normal(size=(sum(sizes), 2, 3)).astype(np.float32)
    first = 0
    for size in sizes:
        rows = range(first, first + size)
        yield FeatureBatch([f"{row}.png" for row in rows], [None] * size, values[rows])
        first += size


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_how_images_are_batched_and_when_leaves_no_trace(suffix: str, tmp_path: Path) -> None:
    one, several = tmp_path / f"one{suffix}", tmp_path / f"several{suffix}"
    write_features(_batches(12), one, "conv5")
    write_features(_batches(5, 5, 2), several, "conv5")
    assert one.read_bytes() == several.read_bytes()


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_an_error_leaves_no_file_behind(suffix: str, tmp_path: Path) -> None:
    def failing() -> Iterator[FeatureBatch]:
        yield from _batches(3)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        write_features(failing(), tmp_path / f"f{suffix}", "conv5")
    assert not list(tmp_path.iterdir())


def test_npz_keeps_the_shape_of_feature_maps(tmp_path: Path) -> None:
    write_features(_batches(4), tmp_path / "f.npz", "conv5")
    with np.load(tmp_path / "f.npz") as arrays:
        assert arrays["features"].shape == (4, 6)
        assert arrays["shape"].tolist() == [2, 3]
        assert arrays["labels"].tolist() == [""] * 4
    (expected,) = _batches(4)
    restored = np.load(tmp_path / "f.npz")["features"].reshape(4, 2, 3)
    np.testing.assert_array_equal(restored, expected.values)


def test_names_begin_no_formula_in_csv(tmp_path: Path) -> None:
    batch = FeatureBatch(["=1+1.png"], ["@x"], np.ones((1, 1), np.float32))
    write_features([batch], tmp_path / "f.csv", "fc7")
    assert (tmp_path / "f.csv").read_text(encoding="utf-8").splitlines()[1] == "'=1+1.png,'@x,1"
