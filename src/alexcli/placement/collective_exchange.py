"""The exchange of towers in separate processes, by collectives of torch.distributed.

Legend: N images of a replica, T towers, C channels or units of one tower, K classes.
"""

from collections.abc import Sequence
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from alexcli.model.exchange import sum_in_order
from alexcli.placement.peers import lost_peer_errors


class CollectiveExchange:
    """The exchange with one tower per process.

    Args:
        group: the processes of this replica, in the order of the towers.
    """

    def __init__(self, group: dist.ProcessGroup) -> None:
        self.group = group

    def broadcast(self, x: Tensor, towers: Sequence[int]) -> list[Tensor]:
        """The input itself: each process prepares the same images."""
        return [x]

    def gather(self, acts: Sequence[Tensor]) -> list[Tensor]:
        """(N, C, ...) of this process's tower -> (N, T * C, ...)."""
        return [_Gather.apply(acts[0], self.group)]

    def reduce(self, parts: Sequence[Tensor]) -> Tensor:
        """(N, K) of this process's tower -> the sum, bit-identical in every process.

        Each process computes the whole loss of its replica, so the gradient of the sum is already
        the gradient of this part, and nothing is sent back.
        """
        scores = _gather_towers(parts[0].detach(), self.group)
        scores[self.group.rank()] = parts[0]
        return sum_in_order(scores)


class _Gather(torch.autograd.Function):
    """Forward: the outputs of all towers; backward: the sum of their gradients."""

    @staticmethod
    def forward(ctx: Any, act: Tensor, group: dist.ProcessGroup) -> Tensor:
        """Outputs of this process's tower, (N, C, ...) -> those of all towers, (N, T * C, ...)."""
        ctx.group = group
        return torch.cat(_gather_towers(act, group), dim=1)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        """Gradient of what this tower read -> gradient of this tower's outputs in all towers.

        (N, T * C, ...) -> (N, C, ...). Each tower sends every other tower its slice, and sums the
        slices that it receives.
        """
        towers = ctx.group.size()
        outgoing = torch.stack(grads[0].chunk(towers, dim=1))  # (T, N, C, ...)
        incoming = torch.empty_like(outgoing)
        with lost_peer_errors():
            dist.all_to_all_single(incoming, outgoing, group=ctx.group)
        return incoming.sum(dim=0), None


def _gather_towers(part: Tensor, group: dist.ProcessGroup) -> list[Tensor]:
    """The tensors of all towers, in order; every process passes its own tower's."""
    part = part.contiguous()
    parts = [torch.empty_like(part) for _ in range(group.size())]
    with lost_peer_errors():
        dist.all_gather(parts, part, group=group)
    return parts
