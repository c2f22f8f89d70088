"""Types of the arrays in data sets."""

import numpy as np
import numpy.typing as npt

ImageArray = npt.NDArray[np.uint8]
"""(..., S, S, 3) RGB, 0 to 255."""

LabelArray = npt.NDArray[np.int64]
"""(N,) positions in the list of classes."""

IndexArray = npt.NDArray[np.int64]
"""(N,) positions in a split."""
