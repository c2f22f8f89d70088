"""All towers on one device, and what every other placement answers in its own way."""

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from alexcli.model.towers import Exchange, Towers


class Single:
    """One process that holds every tower on one device.

    Args:
        device: of pictures, preprocessing and scores.
        towers: of the net.
    """

    rank, processes, replica, replicas = 0, 1, 0, 1

    def __init__(self, device: torch.device, towers: int) -> None:
        self.device, self.mine = device, list(range(towers))
        self.exchange = Exchange()

    @property
    def root(self) -> bool:
        """Whether this process is the one that writes and speaks."""
        return self.rank == 0

    def place(self, net: Towers) -> None:
        """Move the towers to where they live."""
        net.to(self.device)

    def share(self, rows: int) -> tuple[int, int]:
        """First row and end of this replica's share of a global batch of `rows` pictures.

        Shares differ by one at most; the first replica's is never empty.
        """
        ends = [-(-rows * replica // self.replicas) for replica in (self.replica, self.replica + 1)]
        return ends[0], ends[1]

    def total(self, part: Tensor) -> Tensor:
        """The sum over replicas."""
        return part

    def any(self, flag: bool) -> bool:
        """Whether the flag is set in any process."""
        return flag

    def agree(self, facts: Mapping[str, Any]) -> None:
        """Check that every process means the same run; UsageError names what differs."""

    def barrier(self) -> None:
        """Wait for all processes."""

    @contextlib.contextmanager
    def in_turn(self) -> Iterator[None]:
        """One process of each machine first, then the others, who find what it has left there."""
        yield

    def collect(self, part: Any) -> list[Any]:
        """The parts of all towers' processes, in the order of towers; empty but in the root."""
        return [part]

    def watch(self, net: Towers) -> None:
        """Sum gradients over replicas from now on, while the backward pass goes on."""

    def settle(self) -> None:
        """Wait until the gradients are summed."""
