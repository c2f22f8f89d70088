"""The loss that training minimises.

Legend: N images of this replica, K classes.
"""

import torch.nn.functional as F
from torch import Tensor


def training_loss(scores: Tensor, labels: Tensor, rows: int, *, label_smoothing: float) -> Tensor:
    """This replica's part of the mean cross-entropy over the global batch.

    The parts of all replicas add up to the mean over the global batch, and so do their gradients.

    Args:
        scores: (N, K) float, class scores before the softmax.
        labels: (N,) int64, the true classes.
        rows: images in the global batch, over all replicas.
        label_smoothing: part of each label's probability that is spread evenly over all K classes,
            in [0, 1) (Szegedy et al. 2016, section 7); the paper has none.

    Returns:
        A scalar, in nats; 0 without images.
    """
    total = F.cross_entropy(scores, labels, reduction="sum", label_smoothing=label_smoothing)
    return total / rows
