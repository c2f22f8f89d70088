"""Every key of a configuration: its meaning, its allowed values and its default.

All of it is read from the schema: from types, ranges and defaults, and from the docstrings beside
the fields.
"""

import ast
import dataclasses
import difflib
import functools
import inspect
import itertools
import re
import types
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, EnumType
from pathlib import Path
from typing import Any, Union, get_args, get_origin, get_type_hints

from alexcli.config.suggestions import KnownKeys, full_key
from alexcli.config.validation import LIMITS
from alexcli.errors import UsageError
from alexcli.schema import AnalyzeSpec, PrepareSpec, TrainSpec
from alexcli.schema.ranges import MISSING

NAME = "NAME"
"""Stands in a key for the name of a layer, of a parameter group, or of a link."""

SCHEMAS: dict[str, type] = {"train": TrainSpec, "analyze": AnalyzeSpec, "prepare": PrepareSpec}
"""The commands with keys of their own, and the dataclass of each; others take those of `train`."""

MOST_SUGGESTIONS = 5

SINGLE_TYPES = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}
PLURAL_TYPES = {int: "whole numbers", float: "numbers", str: "words"}

PAPER_SECTION = re.compile(r"(?<!\d \()\bsections? (\d(?:\.\d)?)", re.IGNORECASE)
"""A section of the paper; that of another paper stands in parentheses after its year."""


@dataclass(frozen=True)
class Key:
    """A key, or a section of keys."""

    name: str
    """In full, such as `optim.lr`, `model.layers.NAME.kernel` or the section `model.lrn`."""
    command: str
    """One of SCHEMAS."""
    owner: type
    """The dataclass that declares it."""
    type: Any
    """Type of its values; for a section its dataclass."""
    default: Any
    is_section: bool
    nullable: bool

    @property
    def choices(self) -> list[str]:
        """Its allowed values, if they can be listed."""
        if self.type is bool:
            return ["true", "false"]
        return list(self.type.__members__) if isinstance(self.type, EnumType) else []

    def meaning(self) -> str:
        """The docstring of its field, in one line."""
        return _field_docs(self.owner)[_last_name(self.name)]

    def takes(self) -> str:
        """Its type, and its range or its choices; empty for a section."""
        if self.is_section:
            return ""
        phrase = _type_phrase(self.type)
        limits = [
            f"{LIMITS[name][0]} {int(limit) if float(limit).is_integer() else limit:,}"
            for name, limit in self._limits().items()
        ]
        phrase = " ".join([phrase, " and ".join(limits)]) if limits else phrase
        return f"{phrase}, or null" if self.nullable else phrase

    def default_text(self) -> str:
        """Its default as it is typed; values in yaml files take precedence."""
        if self.is_section:
            return ""
        return "(must be given)" if self.default == MISSING else as_typed(self.default)

    def paper_section(self) -> str | None:
        """The section of the paper that its docstring names, or else that of its section's."""
        docs = [self.meaning()]
        if self.name.count(".") > 1:  # a group's citation need not apply to each of its keys
            docs.append(inspect.getdoc(self.owner) or "")
        for text in docs:
            cited = PAPER_SECTION.search(text)
            if cited:
                return cited[1]
        return None

    def _limits(self) -> dict[str, float]:
        (field,) = (
            field for field in dataclasses.fields(self.owner) if field.name == _last_name(self.name)
        )
        return dict(field.metadata)


@functools.cache
def keys(command: str = "train") -> dict[str, Key]:
    """All keys and sections of a command by their full names, in the order of the schema.

    Args:
        command: one of SCHEMAS.
    """
    return {key.name: key for key in _keys_of(SCHEMAS[command], "", command)}


def below(section: str, command: str = "train") -> list[Key]:
    """The keys of a section at any depth, without sections; for an empty name, all keys."""
    prefix = f"{section}." if section else ""
    return [
        key for key in keys(command).values() if key.name.startswith(prefix) and not key.is_section
    ]


def find(name: str, command: str = "train") -> Key | None:
    """The key that a full name stands for; the name of a layer or a group matches NAME.

    Args:
        name: as typed, such as `model.layers.conv1.kernel`.
        command: one of SCHEMAS.
    """
    existing = keys(command)
    if name in existing:
        return existing[name]
    for key in existing.values():
        pattern = re.escape(key.name).replace(NAME, r"[^.]+")
        if NAME in key.name and re.fullmatch(pattern, name):
            return key
    return None


def named(word: str) -> tuple[str, Key]:
    """The key that a word stands for: a full, bare or former name, with or without a value.

    Args:
        word: such as `optim.lr`, `lr`, `model.layers.conv1.std` or `optim.lr=0.1`.

    Returns:
        Its full name, and what it is.

    Raises:
        UsageError: there is no such key; the hint names the nearest ones.
    """
    name = word.partition("=")[0]
    for command in SCHEMAS:
        key = find(name, command)
        if key is not None:
            return name, key
    existing = KnownKeys()
    for key in keys().values():
        (existing.sections if key.is_section else existing.values).append(key.name)
    meant = full_key(name, existing.values) or full_key(name, existing.sections)
    if meant is not None:
        return meant, keys()[meant]
    raise UsageError(f"there is no key {name!r}", hint=_nearest_hint(name, existing))


def _nearest_hint(name: str, existing: KnownKeys) -> str:
    """The keys that may be meant: those spelled alike, as a whole or in the last name."""
    names = existing.values + existing.sections
    last_name = _last_name(name)
    last_names = sorted({_last_name(known_name) for known_name in names})
    alike = [known_name for known_name in last_names if last_name and last_name in known_name]
    alike += difflib.get_close_matches(last_name, last_names, MOST_SUGGESTIONS)
    near = difflib.get_close_matches(name, names, MOST_SUGGESTIONS)
    near += [known_name for known_name in names if _last_name(known_name) in alike]
    if not near:
        return "alexcli config explain lists the top level"
    return f"did you mean {', '.join(list(dict.fromkeys(near))[:MOST_SUGGESTIONS])}?"


def _last_name(key: str) -> str:
    return key.rpartition(".")[2]


def _keys_of(schema: type, prefix: str, command: str) -> Iterator[Key]:
    """The keys of a dataclass and of those within it."""
    types_of = get_type_hints(schema)
    for field in dataclasses.fields(schema):
        field_type, nullable = _without_null(types_of[field.name])
        key = f"{prefix}{field.name}"
        yield from _key(key, field_type, field, schema, command, nullable=nullable)


def _key(
    key: str,
    field_type: Any,
    field: dataclasses.Field[Any],
    owner: type,
    command: str,
    *,
    nullable: bool,
) -> Iterator[Key]:
    """The key of a field and, if it is a section, those within it."""
    inner = field_type
    prefix = f"{key}."
    if get_origin(field_type) is dict:
        inner, _ = _without_null(get_args(field_type)[1])
        prefix = f"{key}.{NAME}."
    is_section = dataclasses.is_dataclass(inner)
    default = field.default
    if field.default_factory is not dataclasses.MISSING and not is_section:
        default = field.default_factory()
    yield Key(key, command, owner, field_type, default, is_section, nullable)
    if is_section:
        yield from _keys_of(inner, prefix, command)


def _without_null(field_type: Any) -> tuple[Any, bool]:
    """A type without None, and whether None was part of it."""
    if get_origin(field_type) in (Union, types.UnionType):
        (inner,) = (part for part in get_args(field_type) if part is not type(None))
        return inner, True
    return field_type, False


def _type_phrase(value_type: Any) -> str:
    """A type in words, or the values of an enumeration."""
    origin = get_origin(value_type)
    if isinstance(value_type, EnumType):
        return ", ".join(value_type.__members__)
    if origin is list:
        (item_type,) = get_args(value_type)
        if isinstance(item_type, EnumType):
            return f"a list of {', '.join(item_type.__members__)}"
        return f"a list of {PLURAL_TYPES[item_type]}"
    if origin is dict:
        names, values = (PLURAL_TYPES[part] for part in get_args(value_type))
        return f"a mapping of {names} to {values}"
    return SINGLE_TYPES[value_type]


def as_typed(value: Any) -> str:
    """A value as it is typed after KEY=."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, list):
        return f"[{','.join(map(as_typed, value))}]"
    if isinstance(value, dict):
        items = (f"{as_typed(name)}:{as_typed(item)}" for name, item in value.items())
        return f"{{{','.join(items)}}}"
    return str(value)


def _field_docs(owner: type) -> dict[str, str]:
    """The docstrings beside the fields of a dataclass, each in one line."""
    (body,) = (
        node.body
        for node in _module(inspect.getfile(owner)).body
        if isinstance(node, ast.ClassDef) and node.name == owner.__name__
    )
    docs: dict[str, str] = {}
    for statement, after in itertools.pairwise(body):
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            assert isinstance(after, ast.Expr)
            assert isinstance(after.value, ast.Constant)
            docs[statement.target.id] = " ".join(str(after.value.value).split())
    return docs


@functools.cache
def _module(file: str) -> ast.Module:
    return ast.parse(Path(file).read_text(encoding="utf-8"))
