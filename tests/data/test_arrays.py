"""Types of the arrays that data sets consist of."""

from typing import get_args

import numpy as np

from alexcli.data.arrays import ImageArray, IndexArray, LabelArray


def _scalar(alias: object) -> object:
    """The scalar type of an alias of npt.NDArray; from numpy 2.5 on it is the only argument."""
    scalar = get_args(alias)[-1]
    return get_args(scalar)[0] if get_args(scalar) else scalar


def test_pixels_are_bytes_and_labels_and_positions_are_64_bits() -> None:
    assert _scalar(ImageArray) is np.uint8
    assert _scalar(LabelArray) is np.int64
    assert _scalar(IndexArray) is np.int64
