"""Checking that a user's yaml file has sections, lists and single values where they belong.

Hydra and OmegaConf refuse such files too, but without naming the key.
"""

import types
from collections.abc import Iterator
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any, Union, get_args, get_origin, get_type_hints

from alexcli.config.user_conf import PACKAGE, key_lines
from alexcli.errors import UsageError
from alexcli.schema import TrainSpec

GLOBAL = "_global_"
"""Hydra's name of the section that is the whole configuration."""


def check_group_file(path: Path, content: dict[Any, Any]) -> None:
    """Check a file of a group, such as `model/mine.yaml` or `experiment/mine.yaml`.

    Args:
        path: the file.
        content: what it holds.

    Raises:
        UsageError: a value is of another kind than its key takes, or an experiment lacks the line
            that says that its keys are those of the whole configuration.
    """
    package = PACKAGE.search(path.read_text(encoding="utf-8"))
    section = package.group(1) if package else path.parent.name
    if section == "experiment":
        raise UsageError(
            f"{path}:1: an experiment begins with the line `# @package {GLOBAL}`",
            hint="add it: without it, the keys are not those of the whole configuration",
        )
    schema: Any = TrainSpec
    if section != GLOBAL:
        for name in section.split("."):
            schema = get_type_hints(schema).get(name) if is_dataclass(schema) else None
    prefix = "" if section == GLOBAL else f"{section}."
    keys = {key: value for key, value in content.items() if key != "defaults"}
    if is_dataclass(schema):
        check_values(path, keys, schema, prefix)


def check_values(path: Path, content: dict[Any, Any], schema: Any, prefix: str = "") -> None:
    """Raise UsageError for the first value of a file that is of another kind than its key takes.

    Args:
        path: the file, for the message.
        content: keys and values; keys that the schema lacks are ignored.
        schema: the dataclass of this section.
        prefix: what the keys of the section begin with.
    """
    for key, value, kind in _misfits(content, schema, prefix):
        line = dict(key_lines(path, prefix=None if prefix else "")).get(key)
        place = str(path) if line is None else f"{path}:{line}"
        raise UsageError(
            f"{place}: {key} is {_kind(value)}, and takes {_expected(kind)}",
            hint=f"{key.rpartition('.')[2]}: {_example(kind)}",
        )


def _misfits(content: dict[Any, Any], schema: Any, prefix: str) -> Iterator[tuple[str, Any, Any]]:
    """The full keys whose values are of another kind, each with its value and its type."""
    hints = get_type_hints(schema)
    for name, value in content.items():
        if name in hints:
            yield from _misfits_of(f"{prefix}{name}", value, hints[name])


def _misfits_of(key: str, value: Any, kind: Any) -> Iterator[tuple[str, Any, Any]]:
    """The same for one key and those below it."""
    may_be_null = get_origin(kind) in (Union, types.UnionType)
    if kind is Any or (value is None and may_be_null):
        return
    kind = _without_none(kind)
    origin = get_origin(kind)
    if is_dataclass(kind) and isinstance(value, dict):
        yield from _misfits(value, kind, f"{key}.")
    elif origin is dict and isinstance(value, dict):
        for name, item in value.items():
            yield from _misfits_of(f"{key}.{name}", item, get_args(kind)[1])
    elif _kind(value) != _kind_of_type(kind):
        yield key, value, kind


def _without_none(kind: Any) -> Any:
    """The type of a field without None, if it may be null."""
    if get_origin(kind) in (Union, types.UnionType):
        return next(part for part in get_args(kind) if part is not type(None))
    return kind


def _kind(value: Any) -> str:
    """The kind of a value, for people."""
    if value is None:
        return "empty"
    if isinstance(value, dict):
        return "keys with values"
    return "a list" if isinstance(value, list) else "a single value"


def _kind_of_type(kind: Any) -> str:
    """The kind of value that a type takes, in the words of `_kind`."""
    if is_dataclass(kind) or get_origin(kind) is dict:
        return "keys with values"
    return "a list" if get_origin(kind) is list else "a single value"


def _expected(kind: Any) -> str:
    """What a key takes, for people."""
    if is_dataclass(kind):
        return f"keys with values: {', '.join(get_type_hints(kind))}"
    return _kind_of_type(kind)


def _example(kind: Any) -> str:
    """How the value of such a key is written."""
    if is_dataclass(kind):
        return f"{{{next(iter(get_type_hints(kind)))}: VALUE}}"
    return {"keys with values": "{KEY: VALUE}", "a list": "[VALUE, VALUE]"}.get(
        _kind_of_type(kind), "VALUE"
    )
