"""The pixels that an external net reads: their order, scale, and the mean that is subtracted.

A file of weights seldom specifies them, and the wrong choice costs accuracy without an error.
"""

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path

import numpy as np
import numpy.typing as npt

from alexcli.errors import UsageError
from alexcli.weights.caffe import read_mean_image

Floats = npt.NDArray[np.float64]

Pixels = StrEnum("Pixels", ["caffe", "rgb", "torchvision"])
"""`caffe`: blue, green, red, 0 to 255, a mean subtracted, the whole image squeezed into a square of
256. `rgb`: the same in the order red, green, blue. `torchvision`: red, green, blue, 0 to 1, less
ImageNet's channel means and divided by its deviations, shorter side 256.
"""

CAFFE_MEAN_BGR = (104.00698793, 116.66876762, 122.67891434)
"""Mean blue, green, red of Caffe's ilsvrc_2012_mean (examples/00-classification.ipynb)."""


def read_mean(text: str, pixels: Pixels) -> Floats:
    """The mean that is subtracted, in the order red, green, blue.

    Args:
        text: three numbers, separated by commas, in the order of the pixels, or a file:
            .binaryproto, or .npy of (3,), (3, H, W) or (H, W, 3).
        pixels: `caffe` or `rgb`, the order of the channels.

    Returns:
        (3,) or (S, S, 3), grey levels from 0 to 255.

    Raises:
        UsageError: neither, or values that are not grey levels.
    """
    numbers = text.split(",")
    if len(numbers) == 3:
        try:
            mean = np.asarray([float(number) for number in numbers])
        except ValueError:
            raise _not_a_mean(text, "is not three numbers") from None
    else:
        mean = _read_file(Path(text).expanduser(), text)
    if not (np.isfinite(mean).all() and mean.min() >= 0 and mean.max() <= 255):
        raise _not_a_mean(text, f"has values from {mean.min():g} to {mean.max():g}, not 0 to 255")
    return mean[..., ::-1].copy() if pixels is Pixels.caffe else mean


def pixel_of(values: Sequence[float]) -> Floats:
    """(3,), red, green, blue, from Caffe's mean values: blue, green, red, or one for all."""
    pixel = np.asarray(values, np.float64)
    return np.broadcast_to(pixel, 3)[::-1].copy()


def _read_file(path: Path, text: str) -> Floats:
    """(3,) or (S, S, 3) from a file, in its own order of channels."""
    if not path.is_file():
        raise _not_a_mean(text, "does not exist")
    if path.suffix == ".npy":
        try:
            mean = np.asarray(np.load(path, allow_pickle=False), np.float64)
        except (OSError, ValueError) as error:
            raise _not_a_mean(text, f"cannot be read: {error}") from error
    else:
        mean = read_mean_image(path)
    if mean.ndim == 3 and mean.shape[0] == 3:
        mean = mean.transpose(1, 2, 0)
    square = mean.ndim == 3 and mean.shape[0] == mean.shape[1]
    if mean.shape[-1:] != (3,) or not (mean.ndim == 1 or square):
        raise _not_a_mean(text, f"has shape {list(mean.shape)}, not (3, S, S)")
    return mean


def _not_a_mean(text: str, reason: str) -> UsageError:
    return UsageError(
        f"--mean {text} {reason}",
        hint="--mean mean.binaryproto, a .npy of (3, S, S), or three grey levels: --mean "
        "104,117,123",
    )
