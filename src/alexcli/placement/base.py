"""The interface of placements: a process's towers, their devices, and communication.

Legend: N images of the global batch.
"""

import contextlib
import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from alexcli.model.exchange import Exchange
from alexcli.model.net import Net


class Placement(ABC):
    """Where the towers of a net are: their devices and processes, and the communication between."""

    device: torch.device
    """Device of this process's images, preprocessing and class scores."""
    local_towers: list[int]
    """Towers that this process holds, in order."""
    exchange: Exchange
    """How towers read each other's outputs."""
    rank: int
    """Number of this process, from 0."""
    processes: int
    """Number of processes of the run."""
    replica: int
    """Number of the replica that this process belongs to, from 0."""
    replicas: int
    """Number of replicas, copies of the net among which each batch is divided."""

    @property
    def is_main(self) -> bool:
        """Whether this process writes files and reports to the user."""
        return self.rank == 0

    def share(self, rows: int) -> tuple[int, int]:
        """First row and end of this replica's share of a global batch of `rows` images.

        Shares differ by at most one image; the first replica's is never empty.
        """
        first = math.ceil(rows * self.replica / self.replicas)
        end = math.ceil(rows * (self.replica + 1) / self.replicas)
        return first, end

    @abstractmethod
    def place(self, net: Net) -> None:
        """Move the towers that this process holds to their devices."""

    @abstractmethod
    def all_reduce_sum(self, part: Tensor) -> Tensor:
        """The sum of a tensor over replicas, as a new tensor."""

    @abstractmethod
    def any_process(self, flag: bool) -> bool:
        """Whether the flag is set in any process."""

    @abstractmethod
    def check_consistent(self, facts: Mapping[str, Any]) -> None:
        """Check that every process has the same run.

        Raises:
            UsageError: in every process; it names a rank that differs, the fact and both values.
        """

    @abstractmethod
    def barrier(self) -> None:
        """Wait for all processes."""

    @abstractmethod
    def local_main_first(self) -> contextlib.AbstractContextManager[None]:
        """Let one process of each machine enter the block first, then the others."""

    @abstractmethod
    def gather_to_main(self, part: Any) -> list[Any]:
        """Gather the parts of one replica's processes in the main process, in the order of towers.

        Every process calls this; all but the main one receive an empty list.
        """

    @abstractmethod
    def register_gradient_hooks(self, net: Net) -> None:
        """From now on, sum gradients over replicas during the backward pass."""

    @abstractmethod
    def wait_gradients(self) -> None:
        """Wait until the gradients are summed over replicas."""


class OneProcessPlacement(Placement):
    """A placement with a single process, so nothing has to be communicated."""

    rank = 0
    processes = 1
    replica = 0
    replicas = 1

    def all_reduce_sum(self, part: Tensor) -> Tensor:
        """A copy of the tensor: there is one replica."""
        return part.clone()

    def any_process(self, flag: bool) -> bool:
        """The flag itself."""
        return flag

    def check_consistent(self, facts: Mapping[str, Any]) -> None:
        """Do nothing: there is one process."""

    def barrier(self) -> None:
        """Return at once: there is one process."""

    @contextlib.contextmanager
    def local_main_first(self) -> Iterator[None]:
        """Enter at once: there is no other process."""
        yield

    def gather_to_main(self, part: Any) -> list[Any]:
        """The part itself, as a list."""
        return [part]

    def register_gradient_hooks(self, net: Net) -> None:
        """Gradients are complete as they are."""

    def wait_gradients(self) -> None:
        """Gradients are complete as they are."""
