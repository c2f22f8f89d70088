"""Where a run starts: its directory, layers of another net (as the pre-trained entries of Table 2
had), and what `train` would do from there.
"""

from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path

import torch
import yaml
from torch import Tensor, nn

from alexcli.config import to_mapping
from alexcli.errors import UsageError
from alexcli.placement.plan import processes
from alexcli.placement.world import world
from alexcli.results import Reporter
from alexcli.run import checkpoint
from alexcli.run.build import build_data, build_net, resolve_device, resolve_precision
from alexcli.run.rundir import RunDirectory, directory_for, fingerprint, locate
from alexcli.schema import TrainSpec


def start_of(spec: TrainSpec, data: str) -> tuple[RunDirectory, Path | None, dict[str, Tensor]]:
    """Where a run on data of the given fingerprint belongs, the checkpoint that `init_from` means,
    and the weights of that.

    Raises:
        UsageError: no such checkpoint, or `init.layers` without a source.
    """
    source, init, weights = None, None, {}
    if spec.init_from is not None:
        source = locate(spec.init_from)[1]
        state = checkpoint.read(source)["state_dict"]
        weights = {k.removeprefix("net."): v for k, v in state.items() if k.startswith("net.")}
        init = checkpoint.weights_digest(weights)
    elif spec.init.layers is not None:
        raise UsageError.of("init.no_source", layers=spec.init.layers)
    mark = fingerprint(spec, data, resolve_precision(spec), init)
    return directory_for(spec, mark), source, weights


def transfer(
    net: nn.Module, state: dict[str, Tensor], wanted: Sequence[str] | None, source: Path
) -> str:
    """Copy layer by layer: one is copied whole, over all towers, or not at all.

    Args:
        net: of any device; on meta nothing is copied but all is checked.
        state: the source's weights, named as the net's.
        wanted: shell patterns over layers, such as `conv*`; None for all that match.
        source: named in errors.

    Returns:
        A line for people: layers copied, those that keep their initial weights, with the reason,
        and those of the source that have no use here.

    Raises:
        UsageError: a pattern that no layer matches, a layer named outright that cannot be copied,
            or nothing to copy.
    """
    own, there = _by_layer(net.state_dict()), _by_layer(state)
    for pattern in wanted or []:
        if not any(fnmatchcase(name, pattern) for name in own):
            raise UsageError.of("init.pattern", word=pattern, known=own)
    copied, anew = [], []
    for name, tensors in own.items():
        asked = wanted is None or any(fnmatchcase(name, pattern) for pattern in wanted)
        why = "not asked for" if not asked else _unlike(tensors, there.get(name))
        if why and asked and name in (wanted or []):
            raise UsageError.of("init.layer", name=name, source=source, why=why)
        if why:
            anew.append(f"{name} ({why})")
        else:
            copied.append(name)
    if not copied:
        raise UsageError.of("init.nothing", source=source, why="; ".join(anew))
    for layer in copied:
        for name, tensor in own[layer].items():
            tensor.copy_(state[name])
    parts = {"copied": copied, "initialised anew": anew}
    parts["skipped"] = [name for name in there if name not in copied]
    return "; ".join(f"{what} {', '.join(names) or 'none'}" for what, names in parts.items())


def _by_layer(state: dict[str, Tensor]) -> dict[str, dict[str, Tensor]]:
    """tower0.conv1.weight and tower1.conv1.weight both belong to conv1."""
    layers: dict[str, dict[str, Tensor]] = {}
    for name, tensor in state.items():
        parts = name.split(".")
        if len(parts) > 2 and parts[0].startswith("tower"):
            layers.setdefault(parts[1], {})[name] = tensor
    return layers


def _unlike(own: dict[str, Tensor], there: dict[str, Tensor] | None) -> str | None:
    """Why a layer cannot be copied, or None."""
    if there is None:
        return "absent in the source"
    for name, tensor in own.items():
        if name not in there:
            return f"{name} absent in the source"
        if there[name].shape != tensor.shape:
            return f"{list(there[name].shape)} in the source, {list(tensor.shape)} here"
    return None if len(own) == len(there) else "more parts in the source"


def plan(spec: TrainSpec, reporter: Reporter, *, overrides: Sequence[str]) -> str:
    """The configuration as yaml, under comment lines that say where and how long it would run.

    Raises:
        UsageError: whatever `train` would refuse before its first step.
    """
    device = resolve_device(spec)
    size = processes(spec.placement, spec.model, spec.optim.batch_size, device, world())
    spec, dataset = build_data(spec, reporter, overrides=overrides)
    run, source, weights = start_of(spec, dataset.fingerprint)
    if run.result() is not None:
        state = "finished: train would skip it"
    else:
        state = "unfinished: train would go on with it" if run.last.exists() else "new"
    steps = -(-len(dataset.train) // spec.optim.batch_size)
    with torch.device("meta"):
        net = build_net(spec)
    lines = [
        f"run: {run.path} ({state})",
        f"data: {len(dataset.train):,} pictures of {len(dataset.classes)} classes, "
        f"{len(dataset.val):,} to validate",
        f"net: {sum(p.numel() for p in net.parameters()):,} parameters",
        f"work: {spec.optim.epochs} epochs of {steps:,} updates at most, "
        f"{device.type}, {resolve_precision(spec).name}, placement {spec.placement.kind.name} "
        f"({size} process{'es' if size > 1 else ''})",
    ]
    if source is not None:
        words = transfer(net, weights, spec.init.layers, source)
        lines.append(f"weights from {source}: {words}")
    head = "".join(f"# {line}\n" for line in lines)
    return head + yaml.safe_dump(to_mapping(spec), sort_keys=False)
