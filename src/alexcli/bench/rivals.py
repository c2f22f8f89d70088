"""Other people's nets, written with torch.nn alone, in the setting that suits them best here."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class HalvesNorm(nn.LocalResponseNorm):
    """torch's norm on each half of the maps, which never crosses the towers (section 3.5)."""

    def forward(self, x: Tensor) -> Tensor:
        """x (N, C, H, W) -> the same shape."""
        return torch.cat([super(HalvesNorm, self).forward(part) for part in x.chunk(2, 1)], 1)


def port(norm: type[nn.LocalResponseNorm] | None, classes: int = 1000) -> nn.Sequential:
    """AlexNet as ports write it: one tower, groups of two; `norm` None leaves the norms out."""

    def relu() -> nn.Module:
        return nn.ReLU(inplace=True)

    def pool() -> list[nn.Module]:
        return [nn.MaxPool2d(3, 2)]

    def after() -> list[nn.Module]:
        return [relu(), *([norm(5, 5e-4, 0.75, 2.0)] if norm else []), *pool()]

    trunk = [
        *(nn.Conv2d(3, 96, 11, 4), *after()),
        *(nn.Conv2d(96, 256, 5, padding=2, groups=2), *after()),
        *(nn.Conv2d(256, 384, 3, padding=1), relu()),
        *(nn.Conv2d(384, 384, 3, padding=1, groups=2), relu()),
        *(nn.Conv2d(384, 256, 3, padding=1, groups=2), relu(), *pool(), nn.Flatten()),
    ]
    dense = [nn.Linear(9216, 4096), relu(), nn.Dropout(), nn.Linear(4096, 4096), relu()]
    return nn.Sequential(*trunk, *dense, nn.Dropout(), nn.Linear(4096, classes))


@dataclass(frozen=True)
class Setting:
    """How a rival is run; the default is what its code does untouched."""

    channels_last: bool = False
    bf16: bool = False
    compiled: bool = False

    def words(self) -> str:
        """For people."""
        kind = "compiled" if self.compiled else "eager"
        order = ", channels-last" if self.channels_last else ""
        return f"{kind}, {'bf16' if self.bf16 else 'float32'}{order}"


def stepper(
    net: nn.Module, setting: Setting, x: Tensor, labels: Tensor, *, training: bool
) -> Callable[[], None]:
    """One training step of a rival under torch's SGD, fused; or one forward pass."""
    if setting.channels_last:
        x = x.contiguous(memory_format=torch.channels_last)
        net = net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = torch.optim.SGD(net.parameters(), 1e-4, 0.9, weight_decay=5e-4, fused=True)
    run = torch.compile(net) if setting.compiled else net

    def scores() -> Tensor:
        with torch.autocast(x.device.type, torch.bfloat16, enabled=setting.bf16):
            return run(x).float()  # type: ignore[no-any-return]

    def step() -> None:
        net.train(training)
        if not training:
            with torch.inference_mode():
                scores()
            return
        F.cross_entropy(scores(), labels).backward()
        optimizer.step()
        optimizer.zero_grad()

    return step
