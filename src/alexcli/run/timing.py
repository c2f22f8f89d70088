"""How long an epoch takes on this machine, from a few steps."""

import itertools
import time
from dataclasses import replace

import torch

from alexcli.data.transforms import Batch
from alexcli.reporter import NullReporter
from alexcli.run.build import build_data, build_placement
from alexcli.run.resolve import uses_bf16
from alexcli.run.training import build_training
from alexcli.schema import PlacementSpec, TrainSpec

MEASURED_STEPS = 4


def seconds_per_epoch(spec: TrainSpec) -> float:
    """Seconds that the updates of one epoch take, from a few steps after an uncounted one."""
    spec, dataset = build_data(replace(spec, placement=PlacementSpec()), NullReporter())
    placement = build_placement(spec)
    module, data = build_training(spec, dataset, placement, NullReporter())
    module.to(placement.device)
    device = module.device
    optimizer = module.configure_optimizers()
    bf16 = uses_bf16(spec)
    ends: list[float] = []
    batches = itertools.islice(data.train_dataloader(), MEASURED_STEPS + 1)
    for number, batch in enumerate(batches):
        moved = Batch(*(part.to(device) for part in batch))
        with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
            loss = module.training_step(moved, number)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        optimizer.zero_grad()
        float(loss.detach())  # waits for a GPU
        ends.append(time.monotonic())
    seconds_per_step = (ends[-1] - ends[0]) / max(1, len(ends) - 1)
    return seconds_per_step * data.steps_per_epoch
