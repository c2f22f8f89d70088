"""One process, a device per tower: the paper's scheme (section 3.5)."""

from collections.abc import Sequence

import torch
from torch import Tensor

from alexcli.model.towers import Exchange, Towers
from alexcli.placement.single import Single


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
