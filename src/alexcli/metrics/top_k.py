"""Loss and top-k errors over the batches of a pass.

Legend: N images of a batch, K classes.
"""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

TOP = 5


class TopKMeter(nn.Module):
    """Accumulates mean cross-entropy (nats) and top-1 and top-5 errors (fractions).

    It is a module so that its sums move to the net's device and are added there without waiting.

    Args:
        classes: number of classes K; with five or fewer there is no top-5 error.
    """

    sums: Tensor
    """(4,) float64: images, summed loss, images whose best prediction is right, images with the
    right class among the best five.
    """

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.classes = classes
        self.register_buffer("sums", torch.zeros(4, dtype=torch.float64), persistent=False)

    @torch.no_grad()
    def update(self, scores: Tensor, labels: Tensor, loss: Tensor | None = None) -> None:
        """Add a batch, without waiting for the device.

        Args:
            scores: (N, K) float, logits or probabilities.
            labels: (N,) int64.
            loss: mean loss of the batch; None to compute it from the scores, which must be logits.
        """
        if not len(labels):  # a replica's share of a small last batch
            return
        loss = F.cross_entropy(scores, labels) if loss is None else loss.detach()
        # Both errors use the same order of the predictions, as in an evaluation.
        top = scores.topk(min(TOP, self.classes), dim=1).indices
        hits = top == labels[:, None]
        self.sums[0] += len(labels)
        self.sums[1:] += torch.stack([loss.double() * len(labels), hits[:, 0].sum(), hits.sum()])

    def compute(self) -> dict[str, Any]:
        """`loss`, `top1_err` and `top5_err` of what this process added since the last reset.

        `top5_err` is None with five classes or fewer.
        """
        count, loss, top1_hits, top5_hits = self.sums.tolist()
        return {
            "loss": loss / count,
            "top1_err": (count - top1_hits) / count,
            "top5_err": (count - top5_hits) / count if self.classes > TOP else None,
        }

    def count(self) -> int:
        """Number of images added since the last reset."""
        return int(self.sums[0])

    def summed_over(self, all_reduce_sum: Callable[[Tensor], Tensor]) -> "TopKMeter":
        """A meter of the whole pass over all replicas.

        Args:
            all_reduce_sum: returns the sum of a tensor over the replicas.
        """
        meter = TopKMeter(self.classes)
        meter.sums = all_reduce_sum(self.sums)
        return meter

    def reset(self) -> None:
        """Start a new pass."""
        self.sums.zero_()
