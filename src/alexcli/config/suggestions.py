"""Suggesting the full key for a short, former or misspelled one."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from alexcli.errors import nearest

OTHER_NAMES = {
    "decay": "weight_decay",
    "mirror": "horizontal_flip",
    "pictures": "images",
    "rate": "lr",
    "second_norm": "spatial_norm_enabled",
    "sees": "reads",
    "shared": "images_per_crop",
    "trunk": "layers",
    "learning_rate": "lr",
    "max_epochs": "epochs",
    "num_classes": "classes",
    "num_workers": "workers",
}
"""A name within keys, former or of other tools -> the name here."""

OTHER_VALUES = {
    "all": "all_towers",
    "no_talk": "no_communication",
    "own": "own_tower",
    "ranks": "distributed",
    "toy": "synthetic",
}
"""The former name of a choice or a value -> its present name."""

PREFERRED_KEYS = {
    "batch_size": "optim.batch_size",
    "dropout": "model.dropout.rate",
    "layers": "model.layers",
    "size": "model.input.size",
}
"""A name at the end of several keys, or of none -> the key that is most likely meant."""


@dataclass
class KnownKeys:
    """The keys of a configuration, in full."""

    values: list[str] = field(default_factory=list)
    """Keys that hold a value."""
    sections: list[str] = field(default_factory=list)
    """Keys that hold further keys."""

    def add(self, mapping: dict[Any, Any], prefix: str = "") -> None:
        """Add the keys of nested mappings, each once."""
        for name, value in mapping.items():
            key = f"{prefix}{name}"
            is_section = isinstance(value, dict)
            keys = self.sections if is_section else self.values
            if key not in keys:
                keys.append(key)
            if is_section:
                self.add(value, f"{key}.")


def suggest_key(key: str, unknown_part: str, keys: KnownKeys, *, is_section: bool) -> str | None:
    """The full key that an unknown one stands for, or else the most similar one.

    Args:
        key: as written, such as `model.trunk.conv1.bias`.
        unknown_part: its beginning, up to the first name that does not exist: `model.trunk`.
        keys: all keys that exist.
        is_section: whether the key was written with further keys below it.
    """
    likely = keys.sections if is_section else keys.values
    unlikely = keys.values if is_section else keys.sections
    suggestion = full_key(key, likely) or full_key(key, unlikely)
    if suggestion:
        return suggestion
    section = full_key(unknown_part, keys.sections)
    if section and key != unknown_part:
        return section + key.removeprefix(unknown_part)
    last_name = key.rpartition(".")[2]
    return full_key(last_name, keys.values) or nearest(_renamed(key), keys.values + keys.sections)


def full_key(key: str, candidates: Sequence[str]) -> str | None:
    """The candidate that a former or short key stands for, or None if that is not certain.

    Args:
        key: one name or several; a short key is the end of a full one, as `lr` is of `optim.lr`.
        candidates: full keys.
    """
    for current in (
        _renamed(key),
        key,
    ):  # in this order: `rate` is the learning rate, not dropout's
        if current in candidates:
            return current
        preferred = PREFERRED_KEYS.get(current)
        if preferred in candidates:
            return preferred
        longer = [candidate for candidate in candidates if candidate.endswith(f".{current}")]
        if len(longer) == 1:
            return longer[0]
    return None


def _renamed(key: str) -> str:
    """A key with each former name replaced by the present one."""
    return ".".join(OTHER_NAMES.get(name, name) for name in key.split("."))


def suggest_choice(choice: str, choices: Sequence[str]) -> str | None:
    """The choice that a former name stands for, or else the most similar one."""
    renamed = OTHER_VALUES.get(choice)
    return renamed if renamed in choices else nearest(choice, choices)
