"""How the towers of a net read each other's outputs; placements implement the protocol too.

Legend: N images, C channels or units of one tower, T towers, K classes.
"""

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor


class Exchange(Protocol):
    """How towers read each other's outputs."""

    def broadcast(self, x: Tensor, towers: Sequence[int]) -> list[Tensor]:
        """The net's input for each tower that this process holds."""

    def gather(self, acts: Sequence[Tensor]) -> list[Tensor]:
        """For each tower of this process, the outputs of all towers.

        Args:
            acts: (N, C, ...) each, the outputs of the towers that this process holds.

        Returns:
            (N, T * C, ...) each, the towers' outputs one after the other.
        """

    def reduce(self, parts: Sequence[Tensor]) -> Tensor:
        """The sum of all towers' partial class scores, (N, K), in the order of the towers."""


def sum_in_order(parts: Sequence[Tensor]) -> Tensor:
    """The sum of tensors of one shape, added from the first to the last.

    Floating-point sums depend on their order, and this one is the same in every placement.
    """
    return sum(parts[1:], parts[0])


class LocalExchange:
    """The exchange of towers in one memory: their outputs are concatenated."""

    def broadcast(self, x: Tensor, towers: Sequence[int]) -> list[Tensor]:
        """The same tensor for every tower."""
        return [x for _ in towers]

    def gather(self, acts: Sequence[Tensor]) -> list[Tensor]:
        """The concatenation along dimension 1, which every tower reads."""
        outputs = torch.cat(list(acts), dim=1)
        return [outputs for _ in acts]

    def reduce(self, parts: Sequence[Tensor]) -> Tensor:
        """The sum of the partial class scores, (N, K)."""
        return sum_in_order(parts)
