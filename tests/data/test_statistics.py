import numpy as np
import pytest

from alexcli.data.images import ArrayImages
from alexcli.data.statistics import EMPTY, RunningStatistics, Statistics, compute_statistics


def _random_images(count: int, size: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, size, size, 3), dtype=np.uint8)


@pytest.mark.parametrize("size", [1, 7, 32])
@pytest.mark.parametrize("white", [False, True])
def test_sums_of_images_are_exact(size: int, *, white: bool) -> None:
    """More images than 16 bits can add, and sides that fill no whole block of pixels."""
    images = _random_images(600, size)
    if white:
        images = np.full_like(images, 255)
    sums = RunningStatistics.from_images(images)
    pixels = images.reshape(-1, 3).astype(np.int64)
    assert np.array_equal(sums.total, images.sum(axis=0, dtype=np.int64))
    assert np.array_equal(sums.products, pixels.T @ pixels)
    assert sums.count == 600


def test_sums_of_parts_add_up_to_those_of_the_whole() -> None:
    images = _random_images(50, 16, seed=1)
    whole = RunningStatistics.from_images(images)
    first = RunningStatistics.from_images(images[:7])
    second = RunningStatistics.from_images(images[7:])
    parts = EMPTY + first + second
    assert np.array_equal(whole.total, parts.total)
    assert np.array_equal(whole.products, parts.products)
    assert whole.count == parts.count == 50


def test_statistics_are_the_mean_image_and_the_covariance_of_all_pixels() -> None:
    images = _random_images(37, 9)
    calls: list[tuple[int, int]] = []
    source = ArrayImages(images, np.zeros(37, dtype=np.int64))
    statistics = compute_statistics(source, lambda *call: calls.append(call))
    pixels = images.reshape(-1, 3).astype(np.float64)
    assert statistics.count == 37
    assert np.allclose(statistics.mean_image, images.mean(axis=0))
    assert np.allclose(statistics.channel_means, pixels.mean(axis=0))
    assert np.allclose(statistics.covariance, np.cov(pixels.T, bias=True))
    assert calls == [(16, 37), (32, 37), (37, 37)]


def test_components_are_the_eigenvectors_largest_first() -> None:
    statistics = Statistics(np.zeros((1, 1, 3)), np.diag([1.0, 9.0, 4.0]), 1)
    values, vectors = statistics.components()
    assert values.tolist() == [9, 4, 1]
    assert np.array_equal(np.abs(vectors), np.eye(3)[[1, 2, 0]].T)


def test_components_diagonalise_the_covariance() -> None:
    source = ArrayImages(_random_images(40, 12), np.zeros(40, dtype=np.int64))
    statistics = compute_statistics(source)
    values, vectors = statistics.components()
    assert values[0] >= values[1] >= values[2]
    assert np.allclose(vectors @ np.diag(values) @ vectors.T, statistics.covariance)


def test_statistics_come_back_from_the_arrays_of_a_file() -> None:
    statistics = Statistics(np.ones((2, 2, 3)), np.eye(3), 5)
    arrays = {name: np.asarray(value) for name, value in vars(statistics).items()}
    again = Statistics.from_arrays(arrays)
    assert again.count == 5
    assert np.array_equal(again.mean_image, statistics.mean_image)
    assert np.array_equal(again.covariance, statistics.covariance)
