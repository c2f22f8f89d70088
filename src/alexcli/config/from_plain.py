"""Building the dataclasses of a configuration from plain data whose values fit their fields.

OmegaConf reads the same data, converts other values and explains what it refuses, but takes a fifth
of a second for a whole configuration. It is used for what this file does not accept.
"""

import functools
import types
from dataclasses import is_dataclass
from enum import EnumType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from alexcli.json_text import LARGEST
from alexcli.schema.ranges import MISSING

Spec = TypeVar("Spec")

PLAIN = (str, int, float, bool, type(None))
"""The types of a value whose field does not specify one."""


class _MisfitError(Exception):
    """A value that does not fit its field as it is."""


def spec_from_plain(mapping: dict[Any, Any], schema: type[Spec]) -> Spec | None:
    """Build a configuration from nested mappings.

    Args:
        mapping: what differs from the defaults.
        schema: the dataclass to make. Its ranges are not checked.

    Returns:
        What OmegaConf makes of the mapping; None if a key is unknown, or if a value is missing, has
        another type than its field (a float may be given as an integer) or has an interpolation.
    """
    spec = schema()
    try:
        _fill(spec, mapping)
    except _MisfitError:
        return None
    return spec


@functools.cache
def _field_types(schema: type) -> dict[str, Any]:
    """The type of each field of a dataclass."""
    return get_type_hints(schema)


def _fill(spec: Any, mapping: dict[Any, Any]) -> None:
    """Set the fields of a dataclass; _MisfitError if a field still has no value."""
    schema: type = type(spec)
    field_types = _field_types(schema)
    if not mapping.keys() <= field_types.keys():
        raise _MisfitError
    for name, field_type in field_types.items():
        default = getattr(spec, name)
        if name in mapping:
            setattr(spec, name, _fit(mapping[name], field_type, default))
        elif is_dataclass(default):
            _fill(default, {})
        elif default == MISSING:
            raise _MisfitError


def _fit(value: Any, field_type: Any, default: Any = None) -> Any:
    """A value in the type of its field.

    Args:
        value: plain data.
        field_type: of the field, or of an item of it.
        default: the value that a mapping changes.
    """
    if get_origin(field_type) in (Union, types.UnionType):  # with None, the only unions there are
        if value is None:
            return None
        (field_type,) = (part for part in get_args(field_type) if part is not type(None))
    origin = get_origin(field_type)
    if origin is list and type(value) is list:
        (item_type,) = get_args(field_type)
        return [_fit(item, item_type) for item in value]
    if origin is dict and type(value) is dict:
        return _fit_items(value, field_type, default or {})
    if isinstance(field_type, type) and is_dataclass(field_type) and type(value) is dict:
        spec = field_type() if default is None else default
        _fill(spec, value)
        return spec
    return _fit_single(value, field_type)


def _fit_items(value: dict[Any, Any], field_type: Any, default: dict[Any, Any]) -> dict[Any, Any]:
    """The items of a mapping, added to those of the default."""
    key_type, item_type = get_args(field_type)
    items = dict(default)
    for name, item in value.items():
        key = _fit_single(name, key_type)
        items[key] = _fit(item, item_type, items.get(key))
    return items


def _fit_single(value: Any, field_type: Any) -> Any:
    """A value that is neither a list nor a mapping."""
    if isinstance(value, str) and (value == MISSING or "${" in value):
        raise _MisfitError
    if isinstance(field_type, EnumType) and type(value) is str:
        member = field_type.__members__.get(value)
        if member is not None:
            return member
    if field_type is float and type(value) is int and abs(value) <= LARGEST:
        return float(value)
    if type(value) is field_type or (field_type is Any and type(value) in PLAIN):
        return value
    raise _MisfitError
