"""Arranging small images in the rows of a panel."""

from typing import Any

import numpy as np
import numpy.typing as npt

WHITE = 255


def tile_rows(images: npt.NDArray[np.floating[Any]], across: int) -> npt.NDArray[np.uint8]:
    """Rows of tiles; white tiles fill the last row.

    Args:
        images: (N, H, W, 1 or 3) in [0, 1]; with one channel they are gray.
        across: tiles in a row, C.

    Returns:
        (R, C, H, W, 3) uint8.
    """
    count, height, width, channels = images.shape
    missing = -count % across
    tiles = np.pad(
        np.round(WHITE * images).astype(np.uint8),
        ((0, missing), (0, 0), (0, 0), (0, 0)),
        constant_values=WHITE,
    )
    rgb = tiles.repeat(3 // channels, axis=-1)
    return rgb.reshape(-1, across, height, width, 3)
