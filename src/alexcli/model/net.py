"""The interface of a net for training, evaluation and placements.

Legend: N images, K classes.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from alexcli.rng import DropoutContext
from alexcli.schema import ModelSpec


class Net(nn.Module, ABC):
    """A net that turns images into class scores.

    Args:
        spec: the net's specification.
        local_towers: numbers of the towers that this process holds, from 0, in order.
    """

    def __init__(self, spec: ModelSpec, local_towers: list[int]) -> None:
        super().__init__()
        self.spec = spec
        self.local_towers = local_towers
        self.is_compiled = False

    @abstractmethod
    def forward(self, x: Tensor, context: DropoutContext | None = None) -> Tensor:
        """Class scores before the softmax.

        Args:
            x: (N, channels, size, size) float, images as `Preprocess` makes them.
            context: place in training, which dropout needs in training mode.

        Returns:
            (N, K) float.
        """

    @abstractmethod
    def whole(self) -> "Net":
        """A net of the same specification with all towers, for its names and shapes."""

    def compile(self, *args: Any, **kwargs: Any) -> None:
        """Compile the forward pass in place, like torch's method of the same name.

        Modules that set `compilable` to False run uncompiled.
        """
        for module in self.modules():
            if not getattr(module, "compilable", True):
                disable: Any = torch.compiler.disable
                module.forward = disable(module.forward)
        self.is_compiled = True
        super().compile(*args, **kwargs)

    def drop_other_towers(self, state: Mapping[str, Tensor], prefix: str = "") -> dict[str, Tensor]:
        """A state dict without the towers that this process does not hold.

        Args:
            state: the state dict of a net, or of a module that has a net.
            prefix: prefix of the net's own names, such as `net.`.
        """
        others = [tower for tower in range(self.spec.towers) if tower not in self.local_towers]
        dropped = tuple(f"{prefix}tower{tower}." for tower in others)
        return {name: value for name, value in state.items() if not name.startswith(dropped)}


def all_named_parameters(net: Net) -> list[tuple[str, nn.Parameter]]:
    """Every parameter of the whole net by name, in the whole net's order.

    Parameters of towers in other processes are placeholders without memory, which never get a
    gradient. An optimizer over all of them numbers its state the same way in every process.
    """
    local_parameters = dict(net.named_parameters())
    with torch.device("meta"):
        whole = net.whole()
    return [
        (name, local_parameters.get(name, stand_in)) for name, stand_in in whole.named_parameters()
    ]
