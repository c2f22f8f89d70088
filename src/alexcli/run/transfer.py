"""Copying layers of a trained net into another one, as for the pre-trained entries of Table 2."""

from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from torch import Tensor, nn

from alexcli.errors import UsageError, did_you_mean

State = dict[str, Tensor]
"""Weights by name, such as tower0.conv1.weight."""


def transfer(net: nn.Module, state: State, patterns: Sequence[str] | None, source: Path) -> str:
    """Copy layer by layer: a layer is copied whole, over all towers, or not at all.

    Args:
        net: on any device; on meta nothing is copied but everything is checked.
        state: the source's weights, named as the net's.
        patterns: shell patterns over layers, such as `conv*`; None for all layers that match.
        source: named in errors.

    Returns:
        A line for people: the layers copied, those that keep their initial weights and why, and
        those of the source that are not used.

    Raises:
        UsageError: a pattern that no layer matches, a layer named outright that cannot be copied,
            or nothing to copy.
    """
    layers = _by_layer(net.state_dict())
    source_layers = _by_layer(state)
    _check_patterns(patterns or [], layers)
    obstacles = {
        name: _obstacle(name, tensors, source_layers.get(name), patterns)
        for name, tensors in layers.items()
    }
    for name in patterns or []:
        if obstacles.get(name):
            raise UsageError(
                f"init.layers names {name}, which cannot be copied from {source}: "
                f"{obstacles[name]}",
                hint="leave it out of init.layers, and it is initialised anew",
            )
    copied = [name for name, obstacle in obstacles.items() if obstacle is None]
    initialised = [f"{name} ({obstacle})" for name, obstacle in obstacles.items() if obstacle]
    if not copied:
        raise UsageError(
            f"no layer can be copied from {source}: {'; '.join(initialised)}",
            hint="take a source of the same widths, or other init.layers",
        )
    for layer in copied:
        for name, tensor in layers[layer].items():
            tensor.copy_(state[name])
    skipped = [name for name in source_layers if name not in copied]
    return (
        f"copied {_listed(copied)}; initialised anew {_listed(initialised)}; "
        f"skipped {_listed(skipped)}"
    )


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) or "none"


def _check_patterns(patterns: Sequence[str], layers: dict[str, State]) -> None:
    """Raise UsageError for a pattern that no layer matches."""
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in layers):
            raise UsageError(
                f"init.layers: {pattern!r} matches no layer; there are {', '.join(layers)}",
                hint=did_you_mean(pattern, layers) or "patterns are as in a shell: conv*",
            )


def _by_layer(state: State) -> dict[str, State]:
    """Weights by layer: tower0.conv1.weight and tower1.conv1.weight both belong to conv1."""
    layers: dict[str, State] = {}
    for name, tensor in state.items():
        parts = name.split(".")
        if len(parts) > 2 and parts[0].startswith("tower"):
            layers.setdefault(parts[1], {})[name] = tensor
    return layers


def _obstacle(
    layer: str, tensors: State, source: State | None, patterns: Sequence[str] | None
) -> str | None:
    """Why a layer is not copied, or None."""
    if patterns is not None and not any(fnmatchcase(layer, pattern) for pattern in patterns):
        return "not asked for"
    if source is None:
        return "absent in the source"
    for name, tensor in tensors.items():
        if name not in source:
            return f"{name} absent in the source"
        if source[name].shape != tensor.shape:
            return f"{list(source[name].shape)} in the source, {list(tensor.shape)} here"
    return None if len(tensors) == len(source) else "more parts in the source"
