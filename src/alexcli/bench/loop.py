"""`alexcli bench loop`: Lightning's loop against a bare one over the same step, and peak memory.

Both loops are fed from a prepared store.
"""

import itertools
import subprocess
import sys
import tempfile
import time
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from alexcli.bench.baselines import SIDE, Setting, baseline_work, our_work
from alexcli.bench.harness import compare, interleave, only_errors, single_result
from alexcli.bench.image_tree import image_tree
from alexcli.config.compose import compose
from alexcli.data.cached_statistics import training_statistics
from alexcli.data.dataset import Dataset
from alexcli.data.prepare import prepare
from alexcli.data.store_images import open_store
from alexcli.data.transforms import Batch, Preprocess
from alexcli.errors import RunFailedError
from alexcli.lit.datamodule import DataModule
from alexcli.lit.fit import bare_trainer
from alexcli.lit.module import AlexNetModule
from alexcli.lit.peak_memory import peak_resident_bytes
from alexcli.malloc import reuse_freed_memory
from alexcli.model.net import Net
from alexcli.placement.single import SinglePlacement
from alexcli.records.benchmark import BenchResult
from alexcli.reporter import NullReporter, Reporter
from alexcli.run.build import build_net, build_preprocess
from alexcli.run.resolve import uses_bf16
from alexcli.schema import Encoding, PrepareSpec, TrainSpec

BATCH = 32
"""Images: a small batch, so that the overhead of a loop weighs more."""
STEPS = 5
MEMORY_BATCH = 128
"""Images of the step whose peak memory is measured (section 5)."""


def run(spec: TrainSpec, rounds: int, reporter: Reporter) -> list[BenchResult]:
    """Measure the cost of the loop around the steps.

    Args:
        spec: our net, at the paper's size.
        rounds: interleaved measurements.
        reporter: receives progress updates.

    Returns:
        `step/loop`, images per second of Lightning's loop against a `bare` one; `step/wait`, the
        share of the bare loop that waits for data; `memory/train`, bytes of a training step
        against the plain `port`.
    """
    results = _loops(spec, rounds, reporter)
    ours = peak_memory_of_child("ours", MEMORY_BATCH)
    port = peak_memory_of_child("port", MEMORY_BATCH)
    # Less memory is better, so the ratio is the port's over ours.
    memory = compare("memory/train", "bytes", [port], "port", [ours])
    return [*results, replace(memory, value=ours)]


class TimedModule(AlexNetModule):
    """The module that `alexcli train` trains, which also records when each step started."""

    starts: list[float]
    """When each step so far began, in seconds of time.perf_counter."""

    def __init__(self, net: Net, preprocess: Preprocess, data: DataModule) -> None:
        super().__init__(net, preprocess, data)
        self.starts = []

    @classmethod
    def from_dataset(cls, spec: TrainSpec, dataset: Dataset) -> "TimedModule":
        """The net at the start of a run.

        Args:
            spec: the run's configuration.
            dataset: the opened images.
        """
        preprocess = build_preprocess(spec, training_statistics(dataset))
        return cls(build_net(spec), preprocess, DataModule(spec, dataset))

    def training_step(self, batch: Batch, batch_idx: int) -> torch.Tensor:
        """See AlexNetModule."""
        self.starts.append(time.perf_counter())
        return super().training_step(batch, batch_idx)


def _loops(spec: TrainSpec, rounds: int, reporter: Reporter) -> list[BenchResult]:
    spec = replace(spec, optim=replace(spec.optim, batch_size=BATCH))
    with tempfile.TemporaryDirectory(prefix="alexcli-bench-") as name:
        module = TimedModule.from_dataset(spec, _store(spec, Path(name)))
        waits: list[float] = []
        arms = {
            "lightning": lambda: lightning_loop(module, STEPS),
            "bare": lambda: _bare_loop(module, waits),
        }
        speeds = interleave(arms, rounds, reporter, "loops")
    return [
        compare("step/loop", "images/s", speeds["lightning"], "bare", speeds["bare"]),
        single_result("step/wait", "of the time", waits[1:]),
    ]


def _store(spec: TrainSpec, folder: Path) -> Dataset:
    """A store with as many images as the loops need."""
    tree = image_tree(None, folder / "tree", (STEPS + 1) * BATCH, most_files=STEPS * BATCH)
    prepare_spec = PrepareSpec(size=spec.data.size, encoding=Encoding.raw)
    prepare(str(tree), str(folder / "store"), prepare_spec, NullReporter())
    return open_store(str(folder / "store"))


def lightning_loop(module: TimedModule, steps: int) -> tuple[float, float]:
    """Make some steps in Lightning's loop, as `alexcli train` makes them.

    Args:
        module: the net, its learning rule and its images, at least one batch more than `steps`.
        steps: after a first one, which creates the momentum and is not timed.

    Returns:
        Images, and the seconds that they took.
    """
    spec = module.spec
    placement = SinglePlacement(torch.device("cpu"), spec.model.towers)
    with only_errors("lightning.pytorch"), warnings.catch_warnings(action="ignore"):
        trainer = bare_trainer(placement, bf16=uses_bf16(spec), steps=steps + 1)
        trainer.fit(module, datamodule=module.data)
    images = (steps - 1) * spec.optim.batch_size  # the last step's end is unknown
    return images, module.starts[-1] - module.starts[-steps]


def _bare_loop(module: TimedModule, waits: list[float]) -> tuple[float, float]:
    """Images and seconds of a plain loop, without its first step.

    Args:
        module: the net, its learning rule and its images.
        waits: receives the share of the time in which steps waited for data.
    """
    rule: Any = module.configure_optimizers()
    bf16 = uses_bf16(module.spec)
    loader = DataModule(module.spec, module.data.dataset).train_dataloader()
    starts: list[float] = []
    ends: list[float] = []
    for batch in itertools.islice(loader, STEPS + 1):
        starts.append(time.perf_counter())
        with torch.autocast("cpu", enabled=bf16):
            loss = AlexNetModule.training_step(module, batch, 0)
        loss.backward()  # type: ignore[no-untyped-call]
        rule.step()
        rule.zero_grad()
        ends.append(time.perf_counter())
    seconds = ends[-1] - ends[0]
    waiting = sum(start - end for end, start in zip(ends, starts[1:], strict=False))
    waits.append(waiting / seconds)
    return STEPS * BATCH, seconds


def peak_memory_of_child(name: str, batch: int) -> int:
    """Peak resident bytes of a separate process that makes two training steps.

    Args:
        name: `ours`, or a baseline.
        batch: images.
    """
    code = f"from alexcli.bench.loop import peak_memory; print(peak_memory({name!r}, {batch}))"
    child = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    return int(child.stdout)


def peak_memory(name: str, batch: int) -> int:
    """Peak resident bytes of this process after two training steps of ours or a baseline."""
    reuse_freed_memory()
    x = torch.randn(batch, 3, SIDE, SIDE) * 50
    labels = torch.randint(1000, (batch,))
    if name == "ours":
        work = our_work(compose(["model=alexnet", "data=folder"], TrainSpec), x)
    else:
        work = baseline_work(name, Setting.eager, x)
    step = work.arm(labels, train=True)
    step()
    step()
    peak = peak_resident_bytes()
    if peak is None:
        raise RunFailedError(
            "this operating system does not report the peak memory of a process",
            hint="Linux and macOS do",
        )
    return peak
