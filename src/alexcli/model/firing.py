"""Recording which units of a net fire, during its forward passes.

Legend: N images, C channels of a layer (units of an fc layer).
"""

import contextlib
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from alexcli.model.net import Net
from alexcli.model.towers import Towers

RECTIFIERS = (nn.ReLU, nn.ReLU6)
"""Modules that end a layer in torchvision's nets."""
RECTIFIED = ("BasicConv2d",)
"""Names of torchvision's blocks that rectify their output without a separate module."""


class FiringWatch:
    """Counts a channel as alive once it has been nonzero for any image at any position.

    In a net of towers, every layer but the class scores is watched, after all its ops. In a
    torchvision net, every rectifier is watched, by its module's name, followed by a number if a
    module is used several times in a pass.

    Args:
        net: in evaluation mode while it is watched.
    """

    images: int
    """Images that this process has watched."""
    alive: dict[str, dict[int, Tensor]]
    """By layer and tower, (C,) bool; only towers that this process holds."""

    def __init__(self, net: Net) -> None:
        self.images = 0
        self.alive = {}
        self._modules = _watched_modules(net)
        self._calls: dict[str, int] = {}

    def begin_pass(self, images: int) -> None:
        """Announce a forward pass of a batch of `images` images."""
        self.images += images
        self._calls = {}

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Watch the forward passes in the block; call `begin_pass` before each of them."""
        with contextlib.ExitStack() as stack:
            for layer, tower, module in self._modules:
                stack.callback(module.register_forward_hook(self._hook(layer, tower)).remove)
            yield

    def _hook(self, layer: str, tower: int) -> Callable[[nn.Module, object, Tensor], None]:
        """A forward hook that notes which channels of a module's output are alive."""

        def hook(_module: nn.Module, _inputs: object, output: Tensor) -> None:
            key = f"{layer} of tower {tower}"
            call = self._calls[key] = self._calls.get(key, 0) + 1
            towers = self.alive.setdefault(layer if call == 1 else f"{layer} ({call})", {})
            towers[tower] = _still_alive(towers.get(tower), output.detach())

        return hook


def _still_alive(alive: Tensor | None, output: Tensor) -> Tensor:
    """(C,) bool: which channels are alive after another batch.

    On a CPU only the channels that were silent so far are checked: few, after the first batch. On
    another device, knowing them would mean waiting for it.
    """
    if alive is None:
        return _alive_channels(output)
    if output.device.type != "cpu":
        return alive | _alive_channels(output)
    silent = (~alive).nonzero().flatten()
    if len(silent):
        alive[silent] = _alive_channels(output.index_select(1, silent))
    return alive


def _alive_channels(output: Tensor) -> Tensor:
    """(C,) bool: which channels of (N, C, ...) are nonzero for any image at any position."""
    if not len(output):  # a replica's share of a small last batch
        return torch.zeros(output.shape[1], dtype=torch.bool, device=output.device)
    places = output if output.dim() == 2 else output.movedim(1, -1).flatten(end_dim=-2)
    return places.abs().amax(dim=0) > 0


def _watched_modules(net: Net) -> list[tuple[str, int, nn.Module]]:
    """Layer, tower and module of every watched output, in the order of the forward pass."""
    if isinstance(net, Towers):
        return [
            (shape.name, tower, net.layer(tower, shape.name))
            for shape in net.shapes[:-1]
            for tower in net.local_towers
        ]
    return [
        (name.removeprefix("net."), 0, module)
        for name, module in net.named_modules()
        if isinstance(module, RECTIFIERS) or type(module).__name__ in RECTIFIED
    ]


def weights_of_layers(net: Net) -> dict[str, dict[int, Tensor]]:
    """By layer and tower, the weights, without biases and without gains and shifts of norms.

    Args:
        net: any net; of a net of towers, only those that this process holds count.
    """
    if isinstance(net, Towers):
        return {
            shape.name: {
                tower: net.layer(tower, shape.name).weight.detach() for tower in net.local_towers
            }
            for shape in net.shapes
        }
    return {
        name.removeprefix("net.").removesuffix(".weight"): {0: parameter.detach()}
        for name, parameter in net.named_parameters()
        if parameter.dim() > 1
    }
