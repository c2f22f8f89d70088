"""Nets in files of `alexcli export --format safetensors`, which hold configuration and classes."""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml
from safetensors import SafetensorError, safe_open
from torch import Tensor

from alexcli import __version__
from alexcli.config.mapping import to_mapping
from alexcli.config.saved import from_mapping
from alexcli.config.yaml_text import read_yaml
from alexcli.errors import UsageError
from alexcli.json_text import parse_json
from alexcli.schema import TrainSpec

VERSION, CONFIG, CLASSES, NAMES = "alexcli", "config", "classes", "names"
"""Keys of a file's metadata: version, whole configuration as yaml, classes and their readable names
in the order of the outputs."""


@dataclass(frozen=True)
class ExportedNet:
    """All that an exported file holds."""

    spec: TrainSpec
    classes: list[str]
    """Names in the order of the outputs, as the data had them (WNIDs of ImageNet)."""
    state: dict[str, Tensor]
    """Weights under `net.`, and what preprocessing needs under `preprocess.`."""


def export_metadata(spec: TrainSpec, classes: list[str], names: list[str]) -> dict[str, str]:
    """The metadata of a file for other programs.

    Args:
        spec: the configuration of the net.
        classes: in the order of the outputs, as the data has them.
        names: for people, in the same order.
    """
    return {
        VERSION: __version__,
        CONFIG: yaml.safe_dump(to_mapping(without_places(spec)), sort_keys=False),
        CLASSES: json.dumps(classes),
        NAMES: json.dumps(names),
    }


def without_places(spec: TrainSpec) -> TrainSpec:
    """A configuration to be shared: without folders, accounts and servers of who trained the net.

    Of what `init_from` names, the run's LABEL/DIRECTORY and the name of its checkpoint are left.
    """
    defaults = TrainSpec()
    origin = Path(spec.init_from or "")
    parts_of_origin = 3 if origin.suffix else 2
    return replace(
        spec,
        runs=defaults.runs,
        init_from="/".join(origin.parts[-parts_of_origin:]) or None,
        data=replace(spec.data, root=None, val_labels=None),
        logger=defaults.logger,
        launcher=defaults.launcher,
    )


def read_exported(path: Path) -> ExportedNet | None:
    """Read a .safetensors that alexcli has exported; nothing in it is executed.

    Returns:
        The net; None if another program wrote the file.

    Raises:
        UsageError: it cannot be read, or its metadata was changed.
    """
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
            if not {VERSION, CONFIG, CLASSES} <= metadata.keys():
                return None
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise UsageError(
            f"{path} is truncated or not a safetensors file: {error}", hint="download it again"
        ) from error
    try:
        config, classes = read_yaml(metadata[CONFIG]), parse_json(metadata[CLASSES])
    except ValueError as error:
        raise _damaged(path, str(error)) from error
    return ExportedNet(from_mapping(config, TrainSpec, source=path), _checked(classes, path), state)


def _checked(classes: Any, path: Path) -> list[str]:
    """The classes, if they are a list of different names."""
    if not isinstance(classes, list) or not all(isinstance(name, str) for name in classes):
        raise _damaged(path, "its classes are not a list of names")
    if len(set(classes)) != len(classes):
        raise _damaged(path, "a class occurs twice")
    return classes


def _damaged(path: Path, reason: str) -> UsageError:
    """An error about metadata that `export` does not write."""
    return UsageError(
        f"the metadata of {path} is damaged: {reason}",
        hint="export the run again: alexcli export RUN --format safetensors",
    )
