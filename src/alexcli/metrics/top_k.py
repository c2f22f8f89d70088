"""Loss and top-k errors over the batches of a pass.

Legend: N images of a batch, K classes.
"""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

TOP = 5
"""Classes of the top-5 error; as many are kept of each prediction, and shown as in Figure 4."""


def most_likely(scores: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The k highest scores of each image, and their classes.

    Of classes with equal scores, which are common in bf16, the lowest is first, as numpy's argmax
    has it; torch's topk takes any of them.

    Args:
        scores: (N, K), float32 or narrower.
        k: at most K.

    Returns:
        (N, k) of the type of the scores, highest first, and (N, k) int64, their classes.
    """
    bits = (scores.float() + 0.0).view(torch.int32).long()  # + 0.0 makes -0.0 equal to 0.0
    # As whole numbers, the bits of negative floats are in the opposite order.
    order = bits ^ ((bits >> 31) & 0x7FFFFFFF)
    classes = torch.arange(scores.shape[1], device=scores.device)
    best = ((order << 32) - classes).topk(k, dim=1).indices
    return scores.gather(1, best), best


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
        _, top = most_likely(scores, min(TOP, self.classes))
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
