"""What `features` hands on: the outputs of a layer for some images.

Legend: N images, U outputs of a layer.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # numpy would slow down --help
    import numpy as np
    import numpy.typing as npt


@dataclass
class FeatureBatch:
    """The features of some images, in the order of all of them."""

    files: list[str] = field(repr=False)
    """Path of each image, or what it is called in its data set."""
    labels: list[str | None] = field(repr=False)
    """The class of each image as the data or its folder has it, where it is known."""
    values: "npt.NDArray[np.float32]"
    """(N, U) or (N, C, H, W)."""
