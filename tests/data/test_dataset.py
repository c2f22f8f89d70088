import numpy as np
import pytest

from alexcli.data.dataset import Sums


@pytest.mark.parametrize("size", [1, 7, 32])
@pytest.mark.parametrize("white", [False, True])
def test_sums_of_pictures_are_exact(size: int, *, white: bool) -> None:
    """More pictures than 16 bits can add, and sides that fill no whole block of pixels."""
    images = np.random.default_rng(0).integers(0, 256, (600, size, size, 3), dtype=np.uint8)
    images = np.full_like(images, 255) if white else images
    sums, pixels = Sums.of(images), images.reshape(-1, 3).astype(np.int64)
    assert np.array_equal(sums.total, images.sum(axis=0, dtype=np.int64))
    assert np.array_equal(sums.products, pixels.T @ pixels)
    assert sums.count == 600


def test_sums_of_parts_add_up_to_those_of_the_whole() -> None:
    images = np.random.default_rng(1).integers(0, 256, (50, 16, 16, 3), dtype=np.uint8)
    whole, parts = Sums.of(images), Sums.of(images[:7]) + Sums.of(images[7:])
    assert np.array_equal(whole.total, parts.total)
    assert np.array_equal(whole.products, parts.products)
    assert whole.count == parts.count == 50
