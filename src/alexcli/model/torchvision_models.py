"""Nets that torchvision builds, instead of towers and layers.

Data, augmentation, training and evaluation treat them like any other net.
"""

from typing import Any

import torch
from torch import Tensor, nn

from alexcli.errors import UsageError, nearest
from alexcli.model.net import Net
from alexcli.model.shapes import active_layers
from alexcli.rng import DropoutContext, stream_key
from alexcli.schema import ModelSpec

# No auxiliary class scores, which no evaluation uses; initial weights are requested explicitly,
# because torchvision warns otherwise.
_WITHOUT_AUXILIARY_SCORES = {"aux_logits": False, "init_weights": True}
BUILD_OPTIONS: dict[str, dict[str, Any]] = {
    "googlenet": _WITHOUT_AUXILIARY_SCORES,
    "inception_v3": _WITHOUT_AUXILIARY_SCORES,
}


class TorchvisionNet(Net):
    """A net that torchvision builds, with torchvision's own initial weights.

    Args:
        spec: the net's specification; `torchvision` is torchvision's name of the net.
        seed: seed of the initial weights.

    Raises:
        UsageError: torchvision has no classification net of that name, or the specification has
            towers or layers, which would have no effect.
    """

    def __init__(self, spec: ModelSpec, *, seed: int = 0) -> None:
        from torchvision import models  # type: ignore[import-untyped]

        super().__init__(spec, local_towers=[0])
        name = spec.torchvision or ""
        _check(name, spec, models.list_models(module=models))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(stream_key("torchvision", seed) >> 1)
            self.net = models.get_model(
                name, num_classes=spec.classes, **BUILD_OPTIONS.get(name, {})
            )
            if spec.small_stem:
                _make_stem_small(self.net, name)

    def whole(self) -> "TorchvisionNet":
        """Another net of the same specification."""
        return TorchvisionNet(self.spec)

    def forward(self, x: Tensor, context: DropoutContext | None = None) -> Tensor:
        """Class scores before the softmax, (N, K) float, of x (N, 3, size, size) float.

        torchvision's dropout draws from torch's global generator, so `context` is not used.
        """
        scores: Tensor = self.net(x.contiguous(memory_format=torch.channels_last))
        return scores


def _make_stem_small(net: nn.Module, name: str) -> None:
    """Replace the first convolution by one of 3 x 3 with stride 1, and remove the pool after it.

    Args:
        net: as torchvision builds it.
        name: its name in torchvision.

    Raises:
        UsageError: it does not begin like a resnet or googlenet.
    """
    pool = {"resnet": "maxpool", "googlenet": "maxpool1"}.get(name.rstrip("0123456789"))
    if pool is None:
        raise UsageError(
            f"model.small_stem=true is for resnets and googlenet, not for {name}",
            hint="model.small_stem=false",
        )
    first: Any = net.get_submodule("conv1")
    convolution = first if isinstance(first, nn.Conv2d) else first.conv
    small = nn.Conv2d(
        convolution.in_channels, convolution.out_channels, 3, stride=1, padding=1, bias=False
    )
    nn.init.kaiming_normal_(small.weight, mode="fan_out", nonlinearity="relu")
    if convolution is first:
        net.register_module("conv1", small)
    else:
        first.conv = small
    net.register_module(pool, nn.Identity())


def _check(name: str, spec: ModelSpec, available: list[str]) -> None:
    """Raise UsageError for a name unknown to torchvision, and for keys without effect."""
    if name not in available:
        near = nearest(name, available)
        raise UsageError(
            f"model.torchvision={name} is not a classification net of torchvision",
            hint=f"model.torchvision={near} model.towers=1" if near else "model=resnet18",
        )
    if spec.towers != 1:
        raise UsageError(
            f"model.torchvision={name} is a net without towers, but model.towers={spec.towers}",
            hint=f"model.torchvision={name} model.towers=1",
        )
    layers = active_layers(spec)
    if layers:
        raise UsageError(
            f"model.torchvision={name} replaces all layers, but model.layers has "
            f"{', '.join(layers)}",
            hint="model=resnet18",
        )
