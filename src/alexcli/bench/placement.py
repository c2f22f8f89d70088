"""`alexcli bench placement`: the cost of two towers on one device, and in two processes.

The update of the paper's net is measured in float32 and without dropout, like that of the grouped
net.
"""

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

from alexcli.bench.baselines import SIDE, HalvesNorm, grouped_alexnet
from alexcli.bench.harness import Arm, compare, interleave
from alexcli.config.compose import compose
from alexcli.errors import RunFailedError
from alexcli.model.lrn import LocalResponseNorm
from alexcli.model.net import all_named_parameters
from alexcli.model.towers import Towers
from alexcli.optim.groups import build_optimizer
from alexcli.placement.base import Placement
from alexcli.placement.distributed import DistributedPlacement, leave
from alexcli.placement.environment import MEETING, distributed_env
from alexcli.placement.single import SinglePlacement
from alexcli.records.benchmark import BenchResult
from alexcli.reporter import Reporter
from alexcli.rng import DropoutContext
from alexcli.schema import LrnSpec, TrainSpec

PROCESSES = 2


def run(batch: int, rounds: int, reporter: Reporter) -> list[BenchResult]:
    """Updates per second of each placement.

    Args:
        batch: images.
        rounds: interleaved measurements.
        reporter: receives progress updates.

    Returns:
        `placement/single` (all cores) against a `grouped` net with the same norms, so that only
        the towers differ; `placement/distributed` (two processes with one thread each) against
        `single`.
    """
    spec = _spec()
    single = SinglePlacement(torch.device("cpu"), spec.model.towers)
    with (
        tempfile.TemporaryDirectory(prefix="alexcli-bench-") as folder,
        _distributed_updates(Path(folder), batch) as distributed,
    ):
        arms: dict[str, Arm] = {
            "single": _updates(_towers(spec, single), spec, single, batch),
            "grouped": _updates(grouped_net(spec.model.lrn), spec, single, batch),
            "distributed": distributed,
        }
        speeds = interleave(arms, rounds, reporter, "updates")
    ours = speeds["single"]
    return [
        compare("placement/single", "updates/s", ours, "grouped", speeds["grouped"]),
        compare("placement/distributed", "updates/s", speeds["distributed"], "single", ours),
    ]


def _spec() -> TrainSpec:
    """The paper's net at full size, without dropout."""
    spec = compose(["model=alexnet", "data=folder", "model.dropout.rate=0"], TrainSpec)
    return replace(spec, trainer=replace(spec.trainer, threads=None))


def grouped_net(lrn: LrnSpec) -> nn.Module:
    """Grouped convolutions with the same normalisation as ours, and no dropout."""
    net = grouped_alexnet(HalvesNorm(LocalResponseNorm(lrn)))
    layers = [layer for layer in net if not isinstance(layer, nn.Dropout)]
    return nn.Sequential(*layers)


def _towers(spec: TrainSpec, placement: Placement) -> Towers:
    """Our net in a placement."""
    return Towers(spec.model, local_towers=placement.local_towers, exchange=placement.exchange)


def _updates(net: nn.Module, spec: TrainSpec, placement: Placement, batch: int) -> Arm:
    """One update: forward, loss, backward, exchange, learning rule."""
    is_ours = isinstance(net, Towers)
    if isinstance(net, Towers):
        optimizer = build_optimizer(all_named_parameters(net), spec.optim)
    else:
        optimizer = torch.optim.SGD(net.parameters(), 1e-4, 0.9, weight_decay=5e-4, fused=True)
    x = torch.randn(batch, 3, SIDE, SIDE) * 50
    labels = torch.arange(batch)

    def update() -> tuple[float, float]:
        start = time.perf_counter()
        optimizer.zero_grad()
        scores = net(x, DropoutContext(0, 0)) if is_ours else net(x)
        F.cross_entropy(scores, labels).backward()  # type: ignore[no-untyped-call]
        placement.wait_gradients()
        optimizer.step()
        return 1, time.perf_counter() - start

    return update


@contextlib.contextmanager
def _distributed_updates(folder: Path, batch: int) -> Iterator[Arm]:
    """One update of two processes, timed by the slower; they end with the context."""
    with contextlib.ExitStack() as ranks:
        children = [
            ranks.enter_context(_start_rank(rank, folder, batch)) for rank in range(PROCESSES)
        ]
        for child in children:
            _answer(child)

        def update() -> tuple[float, float]:
            for child in children:
                assert child.stdin is not None
                child.stdin.write("update\n")
                child.stdin.flush()
            return 1, max(float(_answer(child)) for child in children)

        yield update


def _answer(child: "subprocess.Popen[str]") -> str:
    """The next line of a process; RunFailedError if it has ended instead."""
    assert child.stdout is not None
    line = child.stdout.readline()
    if not line:
        raise RunFailedError(
            f"a process of the benchmark ended with exit code {child.wait()}",
            hint="its error is above; a smaller --batch needs less memory",
        )
    return line


def _start_rank(rank: int, folder: Path, batch: int) -> "subprocess.Popen[str]":
    """Start a process that makes an update for each line that it reads."""
    environ = {
        **os.environ,
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": str(PROCESSES),
        "LOCAL_WORLD_SIZE": str(PROCESSES),
        "OMP_NUM_THREADS": "1",
        MEETING: str(folder / "meeting"),
    }
    code = f"from alexcli.bench.placement import serve_updates; serve_updates({batch})"
    command: Sequence[str] = [sys.executable, "-c", code]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=environ)


def serve_updates(batch: int) -> None:
    """Make an update for each line on stdin, and print its seconds; ends with stdin.

    Args:
        batch: images.
    """
    torch.set_num_threads(1)
    environment = distributed_env()
    assert environment is not None
    spec = _spec()
    placement = DistributedPlacement(environment, torch.device("cpu"), spec.model.towers)
    update: Callable[[], tuple[float, float]] = _updates(
        _towers(spec, placement), spec, placement, batch
    )
    print("ready", flush=True)
    for _ in sys.stdin:
        _, seconds = update()
        print(seconds, flush=True)
    leave()
