"""`alexcli bench small`: training small nets against a plain PyTorch loop of the same net.

Ours is the loop of `alexcli train`: Lightning, the meters, the learning rule of the paper. The
plain loop has torch's own operators and torch's SGD with the same settings. Both start from the
same weights, read the same stored images in the same order and augment them by the same function,
whose time therefore counts on both sides. Both omit validation and checkpoints.
"""

import itertools
import statistics
import time
from collections.abc import Iterator
from functools import partial

import torch
import torch.nn.functional as F
from torch import nn

from alexcli.bench.baselines import Setting, eager_settings
from alexcli.bench.harness import Arm, compare, interleave, note_each
from alexcli.bench.loop import TimedModule, lightning_loop
from alexcli.bench.plain import copy_weights, plain_net
from alexcli.config.compose import compose
from alexcli.lit.datamodule import DataModule
from alexcli.model.towers import Towers
from alexcli.optim.groups import parameter_groups
from alexcli.records.benchmark import BenchResult
from alexcli.reporter import NullReporter, Reporter
from alexcli.run.build import build_data
from alexcli.schema import TrainSpec

NETS = {"quickstart": 36, "cifar_26": 32, "cifar_18": 32, "cifar_11": 32}
"""Side of the stored images, by experiment."""
IMAGES = 640
"""Images of one measurement: ten steps of the quick start, five of a CIFAR net."""
STORED_IMAGES = 1000
"""Images of the training set: two steps more than are timed, at any net's batch size."""


def run(rounds: int, reporter: Reporter) -> list[BenchResult]:
    """Images per second of training, each net with its experiment's batch size.

    The images are the embedded synthetic ones in the size of the experiment's data, because
    measuring speed needs no data set.

    Args:
        rounds: interleaved measurements.
        reporter: receives progress updates, and each figure as soon as it is known.

    Returns:
        `small/NET` against `plain_loop` in the setting that is fastest here.
    """
    return note_each((_measure(name, rounds, reporter) for name in NETS), reporter)


def experiment(name: str) -> TrainSpec:
    """The configuration that is measured.

    Args:
        name: of an experiment, one of NETS.
    """
    overrides = [f"data.size={NETS[name]}", f"data.train_count={STORED_IMAGES}"]
    overrides += ["data=synthetic", "trainer.accelerator=cpu"]
    return compose([f"experiment={name}", *overrides], TrainSpec)


def _measure(name: str, rounds: int, reporter: Reporter) -> BenchResult:
    """Measure ours against the plain loop."""
    spec, dataset = build_data(experiment(name), NullReporter())
    module = TimedModule.from_dataset(spec, dataset)
    steps = IMAGES // spec.optim.batch_size + 1
    settings = eager_settings(spec)
    arms: dict[str, Arm] = {"ours": partial(lightning_loop, module, steps)}
    for setting in settings:
        arms[setting.value] = PlainLoop(module, setting).arm(steps)
    speeds = interleave(arms, rounds, reporter, f"training {name}")
    best = max(
        (setting.value for setting in settings), key=lambda value: statistics.median(speeds[value])
    )
    reporter.note(f"{name}: the plain loop is fastest {best}")
    return compare(f"small/{name}", "images/s", speeds["ours"], "plain_loop", speeds[best])


class PlainLoop:
    """A training loop without Lightning, for a net of torch's own operators.

    Args:
        module: ours, whose weights, images and augmentation it takes.
        setting: how its step is carried out.
    """

    def __init__(self, module: TimedModule, setting: Setting) -> None:
        assert isinstance(module.net, Towers)
        self.module = module
        self.spec = module.spec
        self.bf16 = setting is Setting.bf16
        contiguous = setting is Setting.eager
        self.memory_format = torch.contiguous_format if contiguous else torch.channels_last
        net = plain_net(self.spec.model)
        copy_weights(module.net, net)
        self.net: nn.Module = net.to(memory_format=self.memory_format)
        groups = parameter_groups(self.net.named_parameters(), self.spec.optim)
        self.rule = torch.optim.SGD(groups, lr=self.spec.optim.lr, fused=True)

    def arm(self, steps: int) -> Arm:
        """Images and seconds of some steps, counted as `lightning_loop` counts them.

        Args:
            steps: after a first one that is not timed.
        """

        def loop() -> tuple[float, float]:
            starts = list(itertools.islice(self._starts(), steps + 1))
            return (steps - 1) * self.spec.optim.batch_size, starts[-1] - starts[-steps]

        return loop

    def _starts(self) -> Iterator[float]:
        """Train for an epoch; yields when each step started."""
        spec = self.spec
        self.net.train()
        for batch in DataModule(spec, self.module.data.dataset).train_dataloader():
            yield time.perf_counter()
            x = self.module.preprocess.augment(batch, seed=spec.seed, epoch=1)
            x = x.contiguous(memory_format=self.memory_format)
            with torch.autocast("cpu", enabled=self.bf16):
                scores = self.net(x).float()
            F.cross_entropy(scores, batch.labels).backward()  # type: ignore[no-untyped-call]
            self.rule.step()
            self.rule.zero_grad()
