"""Types of the arrays that data sets consist of."""

from typing import get_args

import numpy as np

from alexcli.data.arrays import ImageArray, IndexArray, LabelArray


def _scalar(alias: object) -> object:
    """The scalar type of an alias of npt.NDArray."""
    _, dtype = get_args(alias)
    (scalar,) = get_args(dtype)
    return scalar


def test_pixels_are_bytes_and_labels_and_positions_are_64_bits() -> None:
    assert _scalar(ImageArray) is np.uint8
    assert _scalar(LabelArray) is np.int64
    assert _scalar(IndexArray) is np.int64
