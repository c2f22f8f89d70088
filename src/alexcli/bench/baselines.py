"""Training steps and forward passes of other implementations of AlexNet, in several settings."""

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from alexcli.bench.harness import Arm, only_errors, timed
from alexcli.optim.groups import build_optimizer
from alexcli.rng import DropoutContext
from alexcli.run.build import build_net
from alexcli.run.resolve import uses_bf16
from alexcli.schema import TrainSpec

SIDE = 227
"""Pixels of the net's input."""
UNITS = 4096
"""Units of a hidden fully connected layer (section 3.5)."""
BASELINES = ("no_lrn", "port", "grouped", "torchvision")
"""In the order of measurement: the cheapest first, and last the one that is compiled."""
COMPILER = ("torch._dynamo", "torch._inductor", "torch.utils.cpp_extension")
"""The modules of torch's compiler, whose warnings are no use to the user of a benchmark."""


class Setting(Enum):
    """How a baseline's step is carried out."""

    eager = "eager"
    channels_last = "channels-last"
    bf16 = "bf16 channels-last"
    compiled = "compiled"


class HalvesNorm(nn.Module):
    """A norm on each half of the channels, which never crosses the towers (section 3.5)."""

    def __init__(self, norm: nn.Module) -> None:
        super().__init__()
        self.norm = norm

    def forward(self, x: Tensor) -> Tensor:
        """x (N, C, H, W) -> the same shape."""
        return torch.cat([self.norm(half) for half in x.chunk(2, dim=1)], dim=1)


def build_baseline(name: str) -> nn.Module:
    """A baseline's net.

    Args:
        name: `torchvision`, or AlexNet as in ports, one tower with convolutions of two groups:
            `port` normalizes over both groups, `grouped` each group alone, `no_lrn` not at all.
    """
    if name == "torchvision":
        from torchvision.models import alexnet  # type: ignore[import-untyped]

        return alexnet()  # type: ignore[no-any-return]
    norms: dict[str, nn.Module] = {
        "port": nn.LocalResponseNorm(5, 5e-4, 0.75, 2.0),
        "grouped": HalvesNorm(nn.LocalResponseNorm(5, 5e-4, 0.75, 2.0)),
        "no_lrn": nn.Identity(),
    }
    return grouped_alexnet(norms[name])


def grouped_alexnet(norm: nn.Module) -> nn.Sequential:
    """The paper's net (section 3.5) as one tower whose convolutions have two groups.

    Args:
        norm: the module after conv1 and conv2.
    """
    relu = nn.ReLU(inplace=True)
    pool = nn.MaxPool2d(3, 2)
    return nn.Sequential(
        nn.Conv2d(3, 96, 11, 4),
        relu,
        norm,
        pool,
        nn.Conv2d(96, 256, 5, padding=2, groups=2),
        relu,
        norm,
        pool,
        nn.Conv2d(256, 384, 3, padding=1),
        relu,
        nn.Conv2d(384, 384, 3, padding=1, groups=2),
        relu,
        nn.Conv2d(384, 256, 3, padding=1, groups=2),
        relu,
        pool,
        nn.Flatten(),
        nn.Dropout(),
        nn.Linear(9216, UNITS),
        relu,
        nn.Dropout(),
        nn.Linear(UNITS, UNITS),
        relu,
        nn.Linear(UNITS, 1000),
    )


@dataclass
class Work:
    """A net that is timed, and how its step is carried out."""

    net: nn.Module
    rule: torch.optim.Optimizer
    inputs: tuple[Tensor | DropoutContext, ...]
    bf16: bool

    def arm(self, labels: Tensor, *, train: bool) -> Arm:
        """A training step, or a forward pass, over all images.

        Args:
            labels: (N,) int64.
            train: whether it is a training step.
        """
        self.net.train(train)

        def step() -> None:
            with torch.set_grad_enabled(train), torch.autocast("cpu", enabled=self.bf16):
                scores = self.net(*self.inputs).float()
            if train:
                F.cross_entropy(scores, labels).backward()  # type: ignore[no-untyped-call]
                self.rule.step()
                self.rule.zero_grad()

        return timed(len(labels), step)


def our_work(spec: TrainSpec, x: Tensor) -> Work:
    """Our net under our learning rule.

    Args:
        spec: the configuration.
        x: (N, 3, 227, 227) float32.
    """
    net = build_net(spec)
    rule = build_optimizer(list(net.named_parameters()), spec.optim)
    return Work(net, rule, (x, DropoutContext(seed=0, step=0)), bf16=uses_bf16(spec))


def baseline_work(name: str, setting: Setting, x: Tensor) -> Work:
    """A baseline's net in a setting, under torch's SGD.

    Args:
        name: one of BASELINES.
        setting: how its step is carried out.
        x: (N, 3, 227, 227) float32.
    """
    net = build_baseline(name)
    if setting is not Setting.eager:
        net = net.to(memory_format=torch.channels_last)
        x = x.contiguous(memory_format=torch.channels_last)
    if setting is Setting.compiled:
        net.compile()
    rule = torch.optim.SGD(net.parameters(), 1e-4, 0.9, weight_decay=5e-4, fused=True)
    return Work(net, rule, (x,), bf16=setting is Setting.bf16)


def eager_settings(spec: TrainSpec) -> list[Setting]:
    """The settings without compilation in which a baseline is tried.

    Args:
        spec: our configuration; a baseline may use bfloat16 where ours does.
    """
    settings = [Setting.eager, Setting.channels_last]
    return [*settings, Setting.bf16] if uses_bf16(spec) else settings


def compile_now(arm: Arm) -> bool:
    """Run a compiled net for the first time, without the warnings of torch's compiler.

    Args:
        arm: of a baseline in the setting `compiled`.

    Returns:
        Whether it runs: False if there is no C++ compiler.
    """
    with quiet_compiler():
        try:
            arm()
        except RuntimeError:
            return False
    return True


@contextmanager
def quiet_compiler() -> Iterator[None]:
    """Hide the warnings of torch's compiler, and no others."""
    with only_errors(*COMPILER), warnings.catch_warnings():
        modules = "|".join(map(re.escape, COMPILER))
        warnings.filterwarnings("ignore", module=rf"({modules})(\.|$)")
        yield
