"""One process, a device per tower: the paper's scheme (section 3.5)."""

from collections.abc import Sequence

import torch
from torch import Tensor

from alexcli.model.exchange import sum_in_order
from alexcli.model.net import Net
from alexcli.placement.base import OneProcessPlacement


class CopyExchange:
    """The exchange of towers on several devices by copies, one per pair of devices (2012 code).

    Autograd carries the gradients back by the opposite copies.

    Args:
        devices: the device of each tower.
    """

    def __init__(self, devices: Sequence[torch.device]) -> None:
        self.devices = devices

    def broadcast(self, x: Tensor, towers: Sequence[int]) -> list[Tensor]:
        """The input on each tower's device; towers that share a device share the tensor."""
        copies = {device: x.to(device, non_blocking=True) for device in self.devices}
        return [copies[self.devices[tower]] for tower in towers]

    def gather(self, acts: Sequence[Tensor]) -> list[Tensor]:
        """The outputs of all towers on each tower's device, concatenated along dimension 1."""
        gathered = {
            device: torch.cat([act.to(device, non_blocking=True) for act in acts], dim=1)
            for device in dict.fromkeys(self.devices)
        }
        return [gathered[device] for device in self.devices]

    def reduce(self, parts: Sequence[Tensor]) -> Tensor:
        """The sum of partial class scores, (N, K), on the first tower's device."""
        return sum_in_order([part.to(self.devices[0], non_blocking=True) for part in parts])


class SplitPlacement(OneProcessPlacement):
    """One process that holds every tower, each on its own device.

    Args:
        devices: the device of each tower; images, preprocessing and class scores are on the first.
    """

    def __init__(self, devices: Sequence[torch.device]) -> None:
        self.device = devices[0]
        self.devices = devices
        self.local_towers = list(range(len(devices)))
        self.exchange = CopyExchange(devices)

    def place(self, net: Net) -> None:
        """Move each tower to its device."""
        for tower, device in enumerate(self.devices):
            net.get_submodule(f"tower{tower}").to(device)
