"""What `train` would do, without doing it."""

import math
from collections.abc import Sequence

import torch
import yaml

from alexcli.config.compose import compose
from alexcli.config.composition import QUICK_START
from alexcli.config.diff import describe_values, differences
from alexcli.config.files import groups
from alexcli.config.mapping import to_mapping
from alexcli.data.dataset import Dataset
from alexcli.errors import plural
from alexcli.optim.groups import settings_warnings
from alexcli.placement.environment import distributed_env
from alexcli.placement.plan import processes
from alexcli.reporter import Reporter
from alexcli.run.build import build_data, build_net, check_batches
from alexcli.run.extend import describe_shorter, required_shorter_run, shorter_run
from alexcli.run.resolve import resolve_device, resolve_precision
from alexcli.run.start import RunStart, start_of
from alexcli.run.train import named_checkpoint
from alexcli.run.transfer import transfer
from alexcli.schema import TrainSpec


def plan(
    spec: TrainSpec,
    reporter: Reporter,
    *,
    overrides: Sequence[str],
    resume: str = "auto",
    extend: bool = False,
) -> str:
    """The configuration as yaml, under comment lines that say where and how long it would run.

    Args:
        spec: the configuration.
        reporter: receives notes about the data.
        overrides: the KEY=VALUE words that the user typed.
        resume: as `train` takes it.
        extend: as `train` takes it.

    Raises:
        UsageError: whatever `train` would refuse before its first step.
    """
    device = resolve_device(spec)
    batch = spec.optim.batch_size
    size = processes(spec.placement, spec.model, batch, device, distributed_env())
    spec, dataset = build_data(spec, reporter, overrides=overrides)
    start = start_of(spec, dataset.fingerprint)
    if start.run.result() is None:
        check_batches(spec, len(dataset.train))
    state = _state(spec, start, dataset.fingerprint, resume, extend=extend)
    with torch.device("meta"):
        net = build_net(spec)
    parameters = sum(parameter.numel() for parameter in net.parameters())
    lines = [
        f"run: {start.run.path} ({state})",
        f"data: {len(dataset.train):,} images of {plural(len(dataset.classes), 'class')}, "
        f"{len(dataset.val):,} to validate",
        f"net: {parameters:,} parameters",
        f"work: {_work(spec, dataset)}, {device.type}, {resolve_precision(spec).name}, "
        f"placement {spec.placement.kind.name} ({plural(size, 'process')})",
    ]
    shorter = shorter_run(spec, start, dataset.fingerprint)
    if shorter and not extend and not start.run.begun:
        lines.append(describe_shorter(spec, *shorter))
    if start.source is not None:
        summary = transfer(net, start.weights, spec.init.layers, start.source)
        lines.append(f"weights from {start.source}: {summary}")
    lines += settings_warnings(spec.optim)
    lines += _changes(spec, overrides)
    comments = "".join(f"# {line}\n" for line in lines)
    mapping = to_mapping(spec)
    del mapping["launcher"]  # which only `alexcli ablate --launch` reads
    return comments + yaml.safe_dump(mapping, sort_keys=False)


def _changes(spec: TrainSpec, overrides: Sequence[str]) -> list[str]:
    """What differs from the experiment, model and other choices that the user typed.

    Args:
        spec: the configuration, fitted to the data.
        overrides: the KEY=VALUE words that the user typed.
    """
    names = groups()
    choices = [word for word in overrides if word.partition("=")[0] in names]
    chosen = " ".join(choices) or f"experiment={QUICK_START}"
    changes = [
        f"  {row.key}: {row.right} (there {row.left})"
        for row in differences(describe_values(compose(choices, TrainSpec)), describe_values(spec))
        if not row.key.startswith("launcher")
    ]
    return [f"changed from {chosen}:", *changes] if changes else [f"as {chosen} says"]


def _state(spec: TrainSpec, start: RunStart, images: str, resume: str, *, extend: bool) -> str:
    """Whether a run is new, and what `train` would do with it otherwise."""
    run = start.run
    checkpoint = named_checkpoint(resume, run, spec, start, images)
    if checkpoint is not None:
        kept = "" if run.is_last(checkpoint) else ", and keep the old run under another name"
        return f"train would resume it from {checkpoint}{kept}"
    if resume == "never" and run.path.exists():
        return "train would keep it under another name, and start over"
    if extend and run.result() is None and not run.begun:
        return f"new: train would resume from {required_shorter_run(spec, start, images).path}"
    if run.result() is not None:
        return "finished: train would skip it"
    return "unfinished: train would resume it" if run.begun else "new"


def _work(spec: TrainSpec, dataset: Dataset) -> str:
    steps = math.ceil(len(dataset.train) / spec.optim.batch_size)
    return f"{plural(spec.optim.epochs, 'epoch')} of {plural(steps, 'update')} at most"
