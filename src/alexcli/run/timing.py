"""How long an epoch takes on this machine, from a few steps."""

import itertools
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import torch

from alexcli.data.transforms import Batch
from alexcli.reporter import NullReporter
from alexcli.run.build import build_data, build_placement, check_last_batch
from alexcli.run.resolve import uses_bf16
from alexcli.run.training import build_training
from alexcli.schema import PlacementSpec, TrainSpec

MEASURED_STEPS = 4


class Step(NamedTuple):
    """An update that has ended."""

    end: float
    """When, by time.monotonic."""
    loss: float
    """Before the update."""


def seconds_per_epoch(spec: TrainSpec) -> float:
    """Seconds that the updates of one epoch take, from a few steps after an uncounted one.

    The only update of an epoch is counted, although a first one takes longer.
    """
    steps_per_epoch, steps = _steps(spec)
    start = time.monotonic()
    ends = [step.end for step in itertools.islice(steps, MEASURED_STEPS + 1)]
    if len(ends) == 1:
        return ends[0] - start
    return (ends[-1] - ends[0]) / (len(ends) - 1) * steps_per_epoch


def train_for(seconds: float, spec: TrainSpec) -> tuple[int, float, float]:
    """Train for a while, or an epoch if that is shorter, and write nothing.

    Args:
        seconds: after a first update, which is not counted.
        spec: what is trained.

    Returns:
        The updates, the seconds that they took, and the last loss.
    """
    _, steps = _steps(spec)
    first = last = next(steps)
    count = 0
    for step in steps:
        last = step
        count += 1
        if last.end - first.end >= seconds:
            break
    return count, last.end - first.end, last.loss


def _steps(spec: TrainSpec) -> tuple[int, Iterator[Step]]:
    """The number of updates of an epoch, and these updates, each made on demand."""
    spec, dataset = build_data(replace(spec, placement=PlacementSpec()), NullReporter())
    check_last_batch(spec, len(dataset.train))
    placement = build_placement(spec)
    module, data = build_training(spec, dataset, placement, NullReporter())
    module.to(placement.device)
    device = module.device
    optimizer = module.configure_optimizers()
    bf16 = uses_bf16(spec)

    def steps() -> Iterator[Step]:
        for number, batch in enumerate(data.train_dataloader()):
            moved = Batch(*(part.to(device) for part in batch))
            with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
                loss = module.training_step(moved, number)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            optimizer.zero_grad()
            value = float(loss.detach())  # waits for a GPU
            yield Step(time.monotonic(), value)

    return data.steps_per_epoch, steps()
