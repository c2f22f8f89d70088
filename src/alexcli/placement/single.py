"""All towers on one device."""

import torch

from alexcli.model.exchange import LocalExchange
from alexcli.model.net import Net
from alexcli.placement.base import OneProcessPlacement


class SinglePlacement(OneProcessPlacement):
    """One process that holds every tower on one device.

    Args:
        device: of images, preprocessing, towers and class scores.
        towers: number of towers of the net.
    """

    def __init__(self, device: torch.device, towers: int) -> None:
        self.device = device
        self.local_towers = list(range(towers))
        self.exchange = LocalExchange()

    def place(self, net: Net) -> None:
        """Move the whole net to the device."""
        net.to(self.device)
