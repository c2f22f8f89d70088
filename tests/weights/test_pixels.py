from pathlib import Path

import numpy as np
import pytest

from alexcli.errors import UsageError
from alexcli.weights.pixels import Pixels, pixel_of, read_mean
from tests.weights.caffe_files import mean_file


def test_numbers_are_in_the_order_of_the_pixels() -> None:
    assert read_mean("104,117,123", Pixels.caffe).tolist() == [123, 117, 104]
    assert read_mean("123,117,104", Pixels.rgb).tolist() == [123, 117, 104]
    assert pixel_of([104, 117, 123]).tolist() == [123, 117, 104]
    assert pixel_of([110]).tolist() == [110, 110, 110]


@pytest.mark.parametrize("name", ["mean.binaryproto", "first.npy", "last.npy"])
def test_a_mean_image_becomes_rgb_with_channels_last(name: str) -> None:
    blue_green_red = np.random.default_rng(0).uniform(0, 255, (3, 5, 5)).astype(np.float32)
    if name == "mean.binaryproto":
        Path(name).write_bytes(mean_file(blue_green_red))
    else:
        np.save(name, blue_green_red if name == "first.npy" else blue_green_red.transpose(1, 2, 0))
    mean = read_mean(name, Pixels.caffe)
    assert mean.shape == (5, 5, 3)
    assert np.array_equal(mean[..., 0], blue_green_red[2])
    assert np.array_equal(mean[..., 2], blue_green_red[0])


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (np.zeros((3, 4, 5)), r"has shape \[4, 5, 3\]"),
        (np.full((3, 4, 4), 300.0), "not 0 to 255"),
        (np.array([{}], dtype=object), "cannot be read"),  # would take a pickle to read
    ],
)
def test_what_is_no_mean_is_refused(values: np.ndarray, reason: str) -> None:  # type: ignore[type-arg]
    np.save("mean.npy", values)
    with pytest.raises(UsageError, match=reason):
        read_mean("mean.npy", Pixels.caffe)


@pytest.mark.parametrize(
    ("text", "reason"), [("nowhere.npy", "does not exist"), ("1,2,x", "three numbers")]
)
def test_a_missing_file_and_other_words_are_refused(text: str, reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        read_mean(text, Pixels.caffe)
