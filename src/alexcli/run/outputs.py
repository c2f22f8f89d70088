"""The outputs of a net for the images of a split that an evaluation keeps.

Legend: n images, K classes.
"""

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from alexcli.metrics.top_k import TOP, most_likely
from alexcli.placement.base import Placement

SMALLEST_PROBABILITY = 1e-30
"""Keeps the loss finite if the probability of the true class underflows."""


@dataclass
class Outputs:
    """Predictions for images and the loss of each, from averaged softmax outputs."""

    top: Tensor
    """(n, min(5, K)) int64, the most likely classes, best first; see `most_likely` for ties."""
    top_p: Tensor
    """(n, min(5, K)) float32, their probabilities."""
    loss: Tensor
    """(n,) float32, cross-entropy, nats."""
    p: Tensor | None
    """(n, K) float32, all probabilities, if they are kept."""

    @classmethod
    def from_softmax(cls, p: Tensor, labels: Tensor, *, keep_p: bool) -> Self:
        """The top predictions and losses of averaged softmax outputs.

        Args:
            p: (n, K) float32, averaged over views and nets.
            labels: (n,) int64, on the same device.
            keep_p: whether to keep `p` itself.
        """
        top_p, top = most_likely(p, min(TOP, p.shape[1]))
        p_of_label = p.gather(1, labels[:, None])[:, 0]
        return cls(
            top=top,
            top_p=top_p,
            loss=-p_of_label.clamp_min(SMALLEST_PROBABILITY).log(),
            p=p if keep_p else None,
        )

    @classmethod
    def zeros(cls, images: int, classes: int, device: torch.device, *, keep_p: bool) -> Self:
        """Zeros, to be filled with the outputs of a split.

        Args:
            images: number of images.
            classes: number of classes.
            device: where the outputs will come from.
            keep_p: whether there is room for all probabilities.
        """
        top = min(TOP, classes)
        return cls(
            top=torch.zeros(images, top, dtype=torch.int64, device=device),
            top_p=torch.zeros(images, top, device=device),
            loss=torch.zeros(images, device=device),
            p=torch.zeros(images, classes, device=device) if keep_p else None,
        )

    def put(self, indices: Tensor, batch: "Outputs") -> None:
        """Store the outputs of a batch.

        Args:
            indices: (N,) int64, positions of the batch's images in the split.
            batch: outputs of the N images.
        """
        self.top[indices] = batch.top
        self.top_p[indices] = batch.top_p
        self.loss[indices] = batch.loss
        if self.p is not None and batch.p is not None:
            self.p[indices] = batch.p

    def gathered(self, placement: Placement) -> "Outputs":
        """The outputs of all replicas, on the CPU.

        Args:
            placement: its replicas have stored different images, and zeros for those of others.
        """
        return Outputs(
            top=placement.all_reduce_sum(self.top).cpu(),
            top_p=placement.all_reduce_sum(self.top_p).cpu(),
            loss=placement.all_reduce_sum(self.loss).cpu(),
            p=None if self.p is None else placement.all_reduce_sum(self.p).cpu(),
        )
