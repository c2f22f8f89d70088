"""A configuration as plain data."""

from dataclasses import fields, is_dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from alexcli.schema import TrainSpec

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def to_mapping(spec: "DataclassInstance") -> dict[str, Any]:
    """Nested mappings, with enums by name: what `config show` prints and a run directory keeps.

    Args:
        spec: a configuration, or a section of one.
    """
    return {field.name: _plain(getattr(spec, field.name)) for field in fields(spec)}


def _plain(value: Any) -> Any:
    """A value without enums and dataclasses."""
    if is_dataclass(value) and not isinstance(value, type):
        return to_mapping(value)
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, dict):
        return {_plain(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value


def flat(config: TrainSpec | dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Every individual value of a configuration, by its dotted key; an empty mapping has none.

    Args:
        config: a configuration, or one as nested mappings.
        prefix: what the keys begin with.
    """
    mapping = config if isinstance(config, dict) else to_mapping(config)
    values: dict[str, Any] = {}
    for name, value in mapping.items():
        key = f"{prefix}{name}"
        if isinstance(value, dict):
            values.update(flat(value, f"{key}."))
        else:
            values[key] = value
    return values
