"""What `features` passes on: the outputs of a layer for some images.

Legend: N images, U outputs of a layer.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # numpy would slow down --help
    import numpy as np
    import numpy.typing as npt


@dataclass
class FeatureBatch:
    """The features of a batch of images, in the order of all images."""

    files: list[str] = field(repr=False)
    """Path of each image, or its name in its data set."""
    labels: list[str | None] = field(repr=False)
    """The class of each image, from the data or the image's folder; None if unknown."""
    values: "npt.NDArray[np.float32]"
    """(N, U) or (N, C, H, W)."""
