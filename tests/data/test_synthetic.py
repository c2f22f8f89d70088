"""The synthetic data set: the same images every time, and no short cut to their classes."""

import time
import zlib

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import RidgeClassifier
from sklearn.neighbors import KNeighborsClassifier

from alexcli.config.compose import compose
from alexcli.data import synthetic
from alexcli.data.arrays import ImageArray, LabelArray
from alexcli.data.synthetic import PLAIN, Scene
from alexcli.schema import TrainSpec

Split = tuple[ImageArray, LabelArray]

SCENES = {"plain": PLAIN, "of the quick start": Scene(noise=40, contrast=(0, 1))}


@pytest.fixture(scope="module", params=list(SCENES))
def scene(request: pytest.FixtureRequest) -> Scene:
    return SCENES[request.param]


@pytest.fixture(scope="module")
def train(scene: Scene) -> Split:
    return synthetic.draw("train", 3000, size=36, seed=0, scene=scene)


@pytest.fixture(scope="module")
def val(scene: Scene) -> Split:
    return synthetic.draw("val", 1000, size=36, seed=0, scene=scene)


def pixels(images: ImageArray) -> npt.NDArray[np.float32]:
    return (images.reshape(len(images), -1).astype(np.float32) - 128) / 64


def histograms(images: ImageArray, bins: int = 4) -> npt.NDArray[np.float64]:
    """The share of each image's pixels in each cell of RGB space, (n, bins ** 3), rooted."""
    red, green, blue = np.moveaxis(
        images.reshape(len(images), -1, 3).astype(int) * bins // 256, 2, 0
    )
    cells = (red * bins + green) * bins + blue
    counts = np.stack([np.bincount(row, minlength=bins**3) for row in cells])
    return np.sqrt(counts / cells.shape[1])


def test_the_same_arguments_give_the_same_images() -> None:
    first, again = (synthetic.draw("train", 90, size=36, seed=3) for _ in range(2))
    assert np.array_equal(first[0], again[0])
    assert np.array_equal(first[1], again[1])


def test_more_images_begin_with_the_same_ones() -> None:
    few, many = (synthetic.draw("val", count, size=32, seed=1) for count in (57, 203))
    assert np.array_equal(few[0], many[0][:57])
    assert np.array_equal(few[1], many[1][:57])


def test_no_image_is_in_two_splits_or_two_seeds_or_twice_in_one() -> None:
    image_sets = [
        synthetic.draw(split, 200, size=32, seed=seed)[0]
        for split in synthetic.SPLITS
        for seed in (0, 1)
    ]
    assert len({image.tobytes() for images in image_sets for image in images}) == 6 * 200


@pytest.mark.parametrize("seed", [-1, 0, 2**64 - 1, 2**70])
def test_any_integer_is_a_seed(seed: int) -> None:
    images, _ = synthetic.draw("test", 3, size=32, seed=seed)
    assert images.std() > 20


def test_labels_go_round_the_ten_classes() -> None:
    _, labels = synthetic.draw("test", 50, size=32, seed=0)
    assert len(set(synthetic.CLASSES)) == 10
    assert labels.tolist() == list(range(10)) * 5


@pytest.mark.parametrize("size", [32, 45, 64])
@pytest.mark.parametrize("count", [0, 1, 41])
def test_images_are_square_rgb_bytes(count: int, size: int) -> None:
    images, labels = synthetic.draw("train", count, size=size, seed=0)
    assert (images.dtype, labels.dtype) == (np.uint8, np.int64)
    assert images.shape == (count, size, size, 3)
    assert labels.shape == (count,)


def test_another_size_shows_the_same_scenes() -> None:
    small, large = (synthetic.draw("train", 100, size=size, seed=0)[0] for size in (32, 64))
    halved = large.reshape(100, 32, 2, 32, 2, 3).mean(axis=(2, 4))
    assert np.abs(halved - small).mean() < 8


def test_an_unknown_split_is_named_in_the_error() -> None:
    with pytest.raises(ValueError, match=r"'dev'.*train, val, test"):
        synthetic.draw("dev", 1, size=32, seed=0)


def test_the_pixels_belong_to_the_version() -> None:
    images, _ = synthetic.draw("train", 20, size=36, seed=0)
    assert (synthetic.VERSION, zlib.crc32(images.tobytes())) == (2, 4292006230)


def test_the_scene_of_the_quick_start_is_that_of_its_file() -> None:
    spec = compose(["data=synthetic", "model=tiny"], TrainSpec).data.scene
    assert Scene(spec.noise, (spec.contrast[0], spec.contrast[1])) == SCENES["of the quick start"]


def _mean_of(scene: Scene) -> npt.NDArray[np.float64]:
    images, _ = synthetic.draw("train", 200, size=36, seed=0, scene=scene)
    return images.astype(np.float64)


def test_contrast_scales_the_distance_from_mid_grey() -> None:
    full = _mean_of(Scene(noise=0))
    half = _mean_of(Scene(noise=0, contrast=(0.5, 0.5)))
    inside = (full > 0) & (full < 255)  # what is not cut off at black and white
    expected = 127.5 + (full - 127.5) / 2
    assert np.abs(half - expected)[inside].max() <= 0.75
    assert _mean_of(Scene(noise=0, contrast=(0, 0))).std() == 0


def test_noise_is_as_large_as_it_says() -> None:
    grey = _mean_of(Scene(noise=30, contrast=(0, 0)))
    assert 29 <= np.abs(grey - 127.5).max() <= 30.5
    assert abs(grey.std() - 30 / 3**0.5) < 0.2


def test_an_illuminant_scales_whole_channels_of_an_image() -> None:
    plain = _mean_of(Scene(noise=0))
    lit = _mean_of(Scene(noise=0, illuminant=0.3))
    inside = (plain > 20) & (lit > 20) & (plain < 255) & (lit < 255)
    gains = np.where(inside, lit / np.maximum(plain, 1), np.nan)
    per_channel = np.nanmedian(gains, axis=(1, 2))
    assert 0.7 <= per_channel.min() < 0.8
    assert 1.2 < per_channel.max() <= 1.31
    assert np.nanmax(np.abs(gains / per_channel[:, None, None] - 1)) < 0.06, "but for rounding"


def test_objects_on_a_grid_keep_their_shapes() -> None:
    free = _mean_of(Scene(noise=0))
    on_grid = _mean_of(Scene(noise=0, grid=4))
    assert np.abs(free - on_grid).mean() > 2, "they moved"
    assert np.array_equal(on_grid, _mean_of(Scene(noise=0, grid=4)))
    assert np.abs(free - _mean_of(Scene(noise=0, grid=1))).mean() < np.abs(free - on_grid).mean()


@pytest.mark.parametrize("alpha", [1e3, 1e5])
def test_a_linear_classifier_on_pixels_errs_on_more_than_half(
    train: Split, val: Split, alpha: float
) -> None:
    model = RidgeClassifier(alpha=alpha).fit(pixels(train[0]), train[1])
    assert np.mean(model.predict(pixels(val[0])) != val[1]) > 0.5


@pytest.mark.parametrize(
    "model",
    [KNeighborsClassifier(15), RandomForestClassifier(100, random_state=0)],
    ids=["neighbours", "forest"],
)
def test_a_classifier_on_colours_errs_on_more_than_70_percent(
    train: Split, val: Split, model: KNeighborsClassifier | RandomForestClassifier
) -> None:
    model.fit(histograms(train[0]), train[1])
    assert np.mean(model.predict(histograms(val[0])) != val[1]) > 0.7


def test_5000_images_of_48_pixels_take_less_than_10_seconds_of_one_core() -> None:
    start = time.process_time()
    synthetic.draw("train", 5000, size=48, seed=0)
    assert time.process_time() - start < 10
