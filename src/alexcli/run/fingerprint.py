"""The fingerprint of a run: what enters it, and nothing else.

It is a digest of everything that can change the result and differs from the schema's defaults, so
that a new key with a default renames no finished run. Conversely, a default may change only
together with VERSION.
"""

import dataclasses
import hashlib
import json
from enum import Enum
from typing import Any

from alexcli.model.shapes import active_layers
from alexcli.schema import ModelSpec, TrainSpec

VERSION = 2
"""To be raised whenever equal choices get another digest."""

DIGITS = 8

NOT_OF_THE_RESULT = {
    # A name; the net is described by all other keys.
    "model.name",
    # Like threads and placement, they change rounding alone.
    "model.lrn.impl",
    "model.joined",
    "model.tail",
    # Where the images are and how they are loaded, which changes no pixel.
    "data.root",
    "data.workers",
    "data.download",
    "data.check_chunks",
    "data.on_error",
    "data.max_pixels",
    "data.split",  # if it has an effect, the fingerprint of the images has it
    "data.test_count",
    "data.val_labels",
}
"""Keys of the digested sections that cannot change the result."""


def settings_digest(spec: TrainSpec, **resolved: str | None) -> str:
    """Eight hexadecimal digits of everything that can change the result.

    Args:
        spec: the configuration.
        resolved: values that depend on data and machine (see start.directory_for); none for the
            digest of the choices alone.
    """
    content = {
        "version": VERSION,
        "seed": spec.seed,
        "model": _changes(_ordered(spec.model), ModelSpec(), "model"),
        "data": _changes(spec.data, type(spec.data)(), "data"),
        "augment": _changes(spec.augment, type(spec.augment)(), "augment"),
        "optim": _changes(spec.optim, type(spec.optim)(), "optim"),
        "init.layers": spec.init.layers,
        "stop_at_train_error": spec.trainer.stop_at_train_error,
        **resolved,
    }
    entered = {key: value for key, value in content.items() if value not in (None, {})}
    text = json.dumps(entered, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:DIGITS]


def _ordered(model: ModelSpec) -> ModelSpec:
    """The model with its layers in the order in which they are applied, removed ones left out."""
    return dataclasses.replace(model, layers=dict(active_layers(model)))


def _changes(value: Any, default: Any, key: str) -> Any:
    """A value as plain data; for a dataclass, only the fields that differ from their defaults.

    Named parts (layers, groups of parameters) are pairs in a list, because their order matters.

    Args:
        value: of the configuration.
        default: what it is compared with.
        key: the dotted key of both.
    """
    if dataclasses.is_dataclass(value):
        changes = {}
        for field in dataclasses.fields(value):
            name = f"{key}.{field.name}"
            ours = getattr(value, field.name)
            standard = getattr(default, field.name)
            if name not in NOT_OF_THE_RESULT and ours != standard:
                changes[field.name] = _changes(ours, standard or _default_like(ours), name)
        return changes
    if isinstance(value, dict):
        parts = list(value.items())
        if all(isinstance(name, int) for name in value):  # epochs of a schedule
            parts.sort()
        return [
            [name, _changes(part, _default_like(part), f"{key}.{name}")]
            for name, part in parts
            if part is not None
        ]
    if isinstance(value, list):
        return [_changes(part, None, key) for part in value]
    return value.name if isinstance(value, Enum) else value


def _default_like(part: Any) -> Any:
    """The defaults of a part that the schema may leave out, such as a layer."""
    if dataclasses.is_dataclass(part) and not isinstance(part, type):
        return type(part)()
    return None
