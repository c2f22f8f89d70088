"""Calibration: the gap between a net's confidence and its accuracy."""

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

BINS = 15  # Guo et al. 2017


def calibration_error(top: Tensor, top_p: Tensor, labels: npt.NDArray[np.int64]) -> float:
    """Expected calibration error (Guo et al. 2017).

    Images are divided into bins of equal width by the probability of their best prediction. The
    error is the mean over images of the difference between a bin's accuracy and its confidence.
    A probability on an edge belongs to the bin above it, and 1 to a separate bin, as in
    torchmetrics.

    Args:
        top: (n, k) int64, predicted classes, the best first.
        top_p: (n, k) float, their probabilities.
        labels: (n,) int64, true classes.

    Returns:
        A fraction, 0 for perfect calibration.
    """
    correct = top[:, 0].cpu() == torch.from_numpy(labels)
    confidence = top_p[:, 0].cpu().contiguous()
    edges = torch.linspace(0, 1, BINS + 1, dtype=confidence.dtype)
    bins = torch.bucketize(confidence, edges, right=True)
    differences = torch.bincount(bins, weights=correct.double() - confidence.double())
    return float(differences.abs().sum()) / len(labels)
