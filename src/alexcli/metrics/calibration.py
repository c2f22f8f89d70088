"""How far a net's confidence and its accuracy are apart."""

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

BINS = 15  # Guo et al. 2017


def calibration_error(top: Tensor, top_p: Tensor, labels: npt.NDArray[np.int64]) -> float:
    """Expected calibration error (Guo et al. 2017).

    Images are divided into bins of equal width by the probability of their best prediction. The
    error is the mean over images of the difference between a bin's accuracy and its confidence.

    Args:
        top: (n, k) int64, predicted classes, the best first.
        top_p: (n, k) float, their probabilities.
        labels: (n,) int64, true classes.

    Returns:
        A fraction, 0 for perfect calibration.
    """
    from torchmetrics.functional.classification import binary_calibration_error

    correct = top[:, 0].cpu() == torch.from_numpy(labels)
    confidence = top_p[:, 0].cpu().contiguous()
    return float(binary_calibration_error(confidence, correct.long(), n_bins=BINS, norm="l1"))
