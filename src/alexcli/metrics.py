"""Loss, top-1 and top-5 error over a pass, accumulated on the net's device."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchmetrics.functional.classification import binary_calibration_error


class Errors(nn.Module):
    """Accumulates mean cross-entropy (nats) and top-k errors (fractions).

    Args:
        classes: number of classes K; with five or fewer there is no top-5 error.
    """

    sums: Tensor
    """(4,) float64: pictures, summed loss, hits of the best guess, hits of the best five."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.classes = classes
        self.register_buffer("sums", torch.zeros(4, dtype=torch.float64), persistent=False)

    @torch.no_grad()
    def update(self, scores: Tensor, labels: Tensor, loss: Tensor | None = None) -> None:
        """Add a batch; nothing waits for the device.

        Args:
            scores: (N, K), logits or probabilities.
            labels: (N,) int64.
            loss: mean over the batch; computed from logits when None.
        """
        if not len(labels):  # a replica's share of a small last batch
            return
        loss = F.cross_entropy(scores, labels) if loss is None else loss.detach()
        # As in an evaluation: one order of the guesses for both errors.
        hits = scores.topk(min(5, self.classes), dim=1).indices == labels[:, None]
        self.sums[0] += len(labels)
        self.sums[1:] += torch.stack([loss.double() * len(labels), hits[:, 0].sum(), hits.sum()])

    def compute(self) -> dict[str, Any]:
        """`loss`, `top1_err` and `top5_err` (None with five classes or fewer), of this process."""
        count, loss, top1, top5 = self.sums.tolist()
        wide = (count - top5) / count if self.classes > 5 else None
        return {"loss": loss / count, "top1_err": (count - top1) / count, "top5_err": wide}

    def count(self) -> int:
        """Pictures seen since the last reset."""
        return int(self.sums[0])

    def over(self, total: Callable[[Tensor], Tensor]) -> "Errors":
        """The same pass over all replicas, of which `total` adds up a tensor."""
        whole = Errors(self.classes)
        whole.sums = total(self.sums)
        return whole

    def reset(self) -> None:
        """Start a new pass."""
        self.sums.zero_()


def calibration_error(top: Tensor, top_p: Tensor, labels: npt.NDArray[np.int64]) -> float:
    """Expected calibration error: how far confidence and accuracy are apart, over 15 bins of the
    best guess's probability (Guo et al. 2017).

    Args:
        top: (n, k) int64, best guesses, best first.
        top_p: (n, k) float, their probabilities.
        labels: (n,) int64.
    """
    right = top[:, 0].cpu() == torch.from_numpy(labels)
    return float(
        binary_calibration_error(top_p[:, 0].cpu().contiguous(), right.long(), n_bins=15, norm="l1")
    )
