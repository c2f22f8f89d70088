"""Other people's nets, written with torch.nn and torchvision alone."""

import torch
from torch import Tensor, nn


class HalvesNorm(nn.LocalResponseNorm):
    """torch's norm on each half of the maps, which never crosses the towers (section 3.5)."""

    def forward(self, x: Tensor) -> Tensor:
        """x (N, C, H, W) -> the same shape."""
        return torch.cat([super(HalvesNorm, self).forward(part) for part in x.chunk(2, 1)], 1)


def build_rival(name: str) -> nn.Module:
    """`torchvision`, or AlexNet as ports write it, one tower with groups of two: `port` norms over
    both groups, `grouped` each alone, `no_lrn` not at all.
    """
    if name == "torchvision":
        from torchvision.models import alexnet  # type: ignore[import-untyped]

        return alexnet()  # type: ignore[no-any-return]
    norms = {"port": nn.LocalResponseNorm, "grouped": HalvesNorm}
    norm = [norms[name](5, 5e-4, 0.75, 2.0)] if name in norms else []
    relu, pool, wide, drop = nn.ReLU(inplace=True), nn.MaxPool2d(3, 2), 4096, nn.Dropout()
    layers = [nn.Conv2d(3, 96, 11, 4), relu, *norm, pool]
    layers += [nn.Conv2d(96, 256, 5, padding=2, groups=2), relu, *norm, pool]
    layers += [nn.Conv2d(256, 384, 3, padding=1), relu]
    layers += [nn.Conv2d(384, 384, 3, padding=1, groups=2), relu]
    layers += [nn.Conv2d(384, 256, 3, padding=1, groups=2), relu, pool, nn.Flatten(), drop]
    layers += [nn.Linear(9216, wide), relu, drop, nn.Linear(wide, wide), relu]
    return nn.Sequential(*layers, nn.Linear(wide, 1000))
