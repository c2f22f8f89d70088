"""Starting a net from some layers of another, as the pre-trained entries of Table 2 did."""

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import torch
from torch import Tensor, nn

from alexcli.errors import UsageError
from alexcli.model.towers import Towers
from alexcli.run import checkpoint
from alexcli.run.build import resolve_precision
from alexcli.run.rundir import RunDirectory, directory_for, fingerprint, locate
from alexcli.schema import TrainSpec


@dataclass
class Transfer:
    """Which layers of a net come from another, and which do not."""

    copied: list[str]
    anew: list[str]
    """Keep their initial weights, with the reason."""
    skipped: list[str]
    """Layers of the source that have no use here."""

    def words(self) -> str:
        """One line for people."""
        parts = {"copied": self.copied, "initialised anew": self.anew, "skipped": self.skipped}
        return "; ".join(f"{what} {', '.join(names) or 'none'}" for what, names in parts.items())


def read_start(spec: TrainSpec) -> tuple[Path | None, dict[str, Tensor]]:
    """The checkpoint that `init_from` means, and the weights of its net.

    Raises:
        UsageError: no such checkpoint, or `init.layers` without a source.
    """
    if spec.init_from is None:
        if spec.init.layers is not None:
            raise UsageError.of("init.no_source", layers=spec.init.layers)
        return None, {}
    path = locate(spec.init_from)[1]
    state = checkpoint.read(path)["state_dict"]
    return path, {k.removeprefix("net."): v for k, v in state.items() if k.startswith("net.")}


@dataclass
class Start:
    """Where a run belongs, and the weights that it starts from."""

    run: RunDirectory
    source: Path | None
    weights: dict[str, Tensor]


def start_of(spec: TrainSpec, data: str) -> Start:
    """The directory and the initial weights of a run on data of the given fingerprint.

    Raises:
        UsageError: as read_start.
    """
    source, weights = read_start(spec)
    init = checkpoint.weights_digest(weights) if source else None
    mark = fingerprint(spec, data, resolve_precision(spec), init)
    return Start(directory_for(spec, mark), source, weights)


def plan_transfer(
    net: nn.Module, state: dict[str, Tensor], wanted: Sequence[str] | None, source: Path
) -> Transfer:
    """Compare layer by layer: one is copied whole, over all towers, or not at all.

    Args:
        net: of any device, meta too.
        state: the source's weights, named as the net's.
        wanted: shell patterns over layers, such as `conv*`; None for all that match.
        source: named in errors.

    Raises:
        UsageError: a pattern that no layer matches, a layer named outright that cannot be copied,
            or nothing to copy.
    """
    own, there = _by_layer(net.state_dict()), _by_layer(state)
    for pattern in wanted or []:
        if not any(fnmatchcase(name, pattern) for name in own):
            raise UsageError.of("init.pattern", word=pattern, known=own)
    why = {}
    for name, tensors in own.items():
        asked = wanted is None or any(fnmatchcase(name, pattern) for pattern in wanted)
        why[name] = "not asked for" if not asked else _unlike(tensors, there.get(name))
        if why[name] and asked and name in (wanted or []):
            raise UsageError.of("init.layer", name=name, source=source, why=why[name])
    copied = [name for name in own if why[name] is None]
    anew = [f"{name} ({reason})" for name, reason in why.items() if reason]
    found = Transfer(copied, anew, skipped=[name for name in there if name not in copied])
    if not found.copied:
        raise UsageError.of("init.nothing", source=source, why="; ".join(found.anew))
    return found


def copy_layers(net: nn.Module, state: dict[str, Tensor], found: Transfer) -> None:
    """Copy the weights of the layers that are to be copied."""
    own = _by_layer(net.state_dict())
    with torch.no_grad():
        for layer in found.copied:
            for name, tensor in own[layer].items():
                tensor.copy_(state[name])


def transfer(net: Towers, start: Start, wanted: Sequence[str] | None) -> str:
    """Plan and copy into a net of any placement; what was done, in words."""
    weights = net.without_others(start.weights)
    assert start.source is not None
    found = plan_transfer(net, weights, wanted, start.source)
    copy_layers(net, weights, found)
    return found.words()


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
