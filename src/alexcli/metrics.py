"""Loss, top-1 and top-5 error over a pass, accumulated on the net's device."""

from collections.abc import Callable
from typing import cast

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchmetrics import Metric, SumMetric
from torchmetrics.classification import MulticlassAccuracy
from torchmetrics.functional.classification import binary_calibration_error


class Errors(nn.Module):
    """Accumulates mean cross-entropy (nats) and top-k errors (fractions).

    Args:
        classes: number of classes K; with five or fewer there is no top-5 error.
    """

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.classes = classes
        # Sums, because torchmetrics 1.9's MeanMetric drops its weights when it does not check for
        # NaN, and checking makes the device wait.
        self.loss = SumMetric(nan_strategy="disable").set_dtype(torch.float64)
        self.seen = SumMetric(nan_strategy="disable").set_dtype(torch.float64)
        self.top1 = MulticlassAccuracy(classes, average="micro", validate_args=False)
        self.top5 = (
            MulticlassAccuracy(classes, top_k=5, average="micro", validate_args=False)
            if classes > 5
            else None
        )

    @torch.no_grad()
    def update(self, scores: Tensor, labels: Tensor, loss: Tensor | None = None) -> None:
        """Add a batch.

        Args:
            scores: (N, K), logits or probabilities.
            labels: (N,) int64.
            loss: mean over the batch; computed from logits when None.
        """
        if not len(labels):  # a replica's share of a small last batch
            return
        loss = F.cross_entropy(scores, labels) if loss is None else loss.detach()
        self.loss.update(loss.double() * len(labels))
        self.seen.update(len(labels))
        self.top1.update(scores, labels)
        if self.top5 is not None:
            self.top5.update(scores, labels)

    def compute(self) -> dict[str, float | None]:
        """`loss`, `top1_err` and `top5_err` (None with five classes or fewer), of this process.

        Read from the sums: torchmetrics' own compute would add over towers as well as replicas.
        """
        count = self.count()

        def error(metric: MulticlassAccuracy) -> float:
            return (count - int(cast(Tensor, metric.tp).sum())) / count

        return {
            "loss": float(cast(Tensor, self.loss.sum_value)) / count,
            "top1_err": error(self.top1),
            "top5_err": None if self.top5 is None else error(self.top5),
        }

    def count(self) -> int:
        """Pictures seen since the last reset."""
        return int(cast(Tensor, self.seen.sum_value))  # compute() warns where nothing was seen

    def _all(self) -> list[Metric]:
        return [m for m in (self.loss, self.seen, self.top1, self.top5) if m is not None]

    def sums(self) -> list[dict[str, Tensor]]:
        """The running sums, for a checkpoint made within a pass."""
        return [cast(dict[str, Tensor], dict(metric.metric_state)) for metric in self._all()]

    def over(self, total: Callable[[Tensor], Tensor]) -> "Errors":
        """The same pass over all replicas, of which `total` adds up a tensor."""
        whole = Errors(self.classes)
        whole.load_sums([{name: total(s) for name, s in sums.items()} for sums in self.sums()])
        return whole

    def load_sums(self, sums: list[dict[str, Tensor]]) -> None:
        """Go on from sums that `sums` returned."""
        for metric, state in zip(self._all(), sums, strict=True):
            for name, value in state.items():
                setattr(metric, name, value)

    def reset(self) -> None:
        """Start a new pass."""
        for metric in self._all():
            metric.reset()


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
