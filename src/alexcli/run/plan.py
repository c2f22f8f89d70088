"""What `train` would do, without doing it."""

from collections.abc import Sequence

import torch
import yaml

from alexcli.config import to_mapping
from alexcli.placement.plan import processes
from alexcli.placement.world import world
from alexcli.results import Reporter
from alexcli.run.build import build_data, build_net, resolve_device, resolve_precision
from alexcli.run.transfer import plan_transfer, start_of
from alexcli.schema import TrainSpec


def plan(spec: TrainSpec, reporter: Reporter, *, overrides: Sequence[str]) -> str:
    """The configuration as yaml, under comment lines that say where and how long it would run.

    Raises:
        UsageError: whatever `train` would refuse before its first step.
    """
    device = resolve_device(spec)
    size = processes(spec.placement, spec.model, spec.optim.batch_size, device, world())
    spec, dataset = build_data(spec, reporter, overrides=overrides)
    precision = resolve_precision(spec)
    start = start_of(spec, dataset.fingerprint)
    run = start.run
    if run.result() is not None:
        state = "finished: train would skip it"
    else:
        state = "unfinished: train would go on with it" if run.last.exists() else "new"
    steps = -(-len(dataset.train) // spec.optim.batch_size)
    with torch.device("meta"):
        parameters = sum(p.numel() for p in build_net(spec).parameters())
    lines = [
        f"run: {run.path} ({state})",
        f"data: {len(dataset.train):,} pictures of {len(dataset.classes)} classes, "
        f"{len(dataset.val):,} to validate",
        f"net: {parameters:,} parameters",
        f"work: {spec.optim.epochs} epochs of {steps:,} updates at most, "
        f"{device.type}, {precision.name}, placement {spec.placement.kind.name} "
        f"({size} process{'es' if size > 1 else ''})",
    ]
    if start.source is not None:
        with torch.device("meta"):
            found = plan_transfer(build_net(spec), start.weights, spec.init.layers, start.source)
        lines.append(f"weights from {start.source}: {found.words()}")
    head = "".join(f"# {line}\n" for line in lines)
    return head + yaml.safe_dump(to_mapping(spec), sort_keys=False)
