"""One process: all towers on one device, or a device per tower. Others answer in their own ways."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
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


class Across(Exchange):
    """Towers on several devices meet by copying, once per pair of devices, as the 2012 code does.

    Autograd carries the gradients back over the same ways.
    """

    def __init__(self, devices: Sequence[torch.device]) -> None:
        self.devices = devices

    def spread(self, x: Tensor, towers: Sequence[int]) -> list[Tensor]:
        """The batch goes to every device."""
        there = {device: x.to(device, non_blocking=True) for device in self.devices}
        return [there[self.devices[tower]] for tower in towers]

    def gather(self, acts: Sequence[Tensor]) -> list[Tensor]:
        """All outputs on each device, concatenated along dimension 1."""
        there = {
            device: torch.cat([act.to(device, non_blocking=True) for act in acts], dim=1)
            for device in dict.fromkeys(self.devices)
        }
        return [there[device] for device in self.devices]

    def reduce(self, parts: Sequence[Tensor]) -> Tensor:
        """The sum of partial class scores, (N, K), on the first tower's device."""
        return super().reduce([part.to(self.devices[0], non_blocking=True) for part in parts])


class Split(Single):
    """A device per tower, the paper's scheme (section 3.5): tower t lives on devices[t]; pictures,
    preprocessing and scores on devices[0].
    """

    def __init__(self, devices: Sequence[torch.device]) -> None:
        super().__init__(devices[0], len(devices))
        self.devices = devices
        self.exchange = Across(devices)

    def place(self, net: Towers) -> None:
        """Move each tower to its device."""
        for tower, device in enumerate(self.devices):
            net.get_submodule(f"tower{tower}").to(device)
