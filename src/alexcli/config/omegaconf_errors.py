"""Turning Hydra's and OmegaConf's errors into ones that name the full key and what to type."""

import contextlib
import itertools
import re
from collections.abc import Iterator
from typing import Any, cast

from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import ConfigKeyError, OmegaConfBaseException

from alexcli.config.files import choices, groups
from alexcli.config.keys import find
from alexcli.config.overrides import hydra_value, parse, quoting_hint
from alexcli.config.suggestions import KnownKeys, suggest_choice, suggest_key
from alexcli.errors import UsageError
from alexcli.schema import AnalyzeSpec, PrepareSpec, StudySpec

EXPECTED_TYPES = {
    "to Integer": "a whole number",
    "'int'": "a whole number",
    "to Float": "a number",
    "'float'": "a number",
    "convert to float": "a number",
    "bool": "true or false",
    "not a ListConfig": "a list: [a,b]",
}
"""Part of OmegaConf's message about a value of another type -> the type that it expects."""

PLACES: dict[type | None, str] = {
    AnalyzeSpec: "alexcli analyze",
    PrepareSpec: "alexcli data prepare",
    StudySpec: "a study",
}
"""What has the keys of a schema that has no groups."""

INVALID_CHOICE = re.compile(r"Invalid value '(.*)', expected one of \[(.*)\]")
"""OmegaConf's message about a value that is not one of an enumeration."""


@contextlib.contextmanager
def explained(config: Any, *, source: str = "", override: Override | None = None) -> Iterator[None]:
    """Turn errors of Hydra or OmegaConf in the block into a UsageError.

    Args:
        config: the OmegaConf configuration that the block changes or reads.
        source: the file whose values the block merges.
        override: the override that the block applies.

    Raises:
        UsageError: names the full key and, where it can, what to type instead.
    """
    try:
        yield
    except ConfigKeyError as error:
        raise _unknown_key(error, config, source, override) from error
    except (HydraException, OmegaConfBaseException, OverflowError) as error:
        raise _wrong_value(error, config, source, override) from error


def _unknown_key(
    error: ConfigKeyError, config: Any, source: str, override: Override | None
) -> UsageError:
    """The error for a key that does not exist."""
    typed_key = override.key_or_group if override else ""
    unknown_part = error.full_key or typed_key
    key = max(unknown_part, typed_key, key=len)
    parent = unknown_part.rpartition(".")[0]
    siblings = _plain(error.parent_node) if error.parent_node is not None else {}

    keys = KnownKeys()
    keys.add(_plain(config))
    # A layer or a parameter group that the override itself adds is not in the configuration yet.
    keys.add(siblings, prefix=f"{parent}." if parent else "")
    is_section = override is None or isinstance(override.value(), dict)
    suggestion = suggest_key(key, unknown_part, keys, is_section=is_section)

    hint = _keys_hint(config)
    if suggestion:
        hint = _suggestion_hint(suggestion, key, config, override)
    elif override and OmegaConf.get_type(config) is PrepareSpec and find(key) is not None:
        command = f"alexcli train data=store data.root=DEST {override.input_line}"
        hint = f"{key} belongs to training: {command}"
    place = parent or PLACES.get(OmegaConf.get_type(config), "the top level")
    return UsageError(
        f"{_prefix(source)}unknown key {key!r}; {place} has {', '.join(map(str, siblings))}",
        hint=hint,
    )


def _plain(node: Any) -> dict[Any, Any]:
    """A mapping of OmegaConf as plain nested mappings."""
    return cast(dict[Any, Any], OmegaConf.to_container(node, enum_to_str=True))


def _suggestion_hint(suggestion: str, key: str, config: Any, override: Override | None) -> str:
    """What to type instead of an unknown key; it is tried first, so that it is not refused too.

    Args:
        suggestion: the key that is probably meant.
        key: the unknown key, in full.
        config: the OmegaConf configuration without the override.
        override: the override with the unknown key, at its end or within its value.
    """
    question = f"did you mean {suggestion}?"
    if override is None:
        return question
    if not override.is_delete() and suggestion in groups():
        return _choice_hint(suggestion, str(override.value()))
    typed = f"~{suggestion}" if override.is_delete() else f"{suggestion}={_value_of(key, override)}"
    refusal = _refusal(typed, config)
    if refusal is None:
        return f"did you mean {typed}?"
    if override.is_delete() or refusal.hint is None:
        return question
    is_suggestion = refusal.hint.startswith("did you mean")
    return refusal.hint if is_suggestion else f"{question} {refusal.hint}"


def _keys_hint(config: Any) -> str:
    """Where the keys of a configuration are listed."""
    schema = OmegaConf.get_type(config)
    if schema in (AnalyzeSpec, PrepareSpec):
        return "the command's --help lists the keys that it takes"
    if schema is StudySpec:
        return "docs/ablations.md shows a study of your own"
    return "alexcli config show lists all keys"


def _choice_hint(group: str, value: str) -> str:
    """What to type in place of a misspelled group; its choice may be misspelled too."""
    names = choices(group)
    choice = value if value in names else suggest_choice(value, names)
    if choice:
        return f"did you mean {group}={choice}?"
    return f"did you mean {group}=CHOICE? alexcli config list {group}"


def _value_of(key: str, override: Override) -> str:
    """The value of a key as it was typed, possibly within a mapping.

    Args:
        key: the key of the override, or one within its value.
        override: KEY=VALUE.
    """
    typed_key = override.key_or_group
    if not key.startswith(f"{typed_key}."):
        return (override.input_line or "").partition("=")[2]
    value: Any = override.value()
    name = key.removeprefix(f"{typed_key}.")
    while name:  # a key can be a number with a decimal point
        prefix = next(part for part in value if f"{name}.".startswith(f"{part}."))
        value = value[prefix]
        name = name.removeprefix(str(prefix)).removeprefix(".")
    return hydra_value(value)


def _refusal(typed: str, config: Any) -> UsageError | None:
    """Why an override would be refused; None if it would not.

    Args:
        typed: `KEY=VALUE` or `~KEY`.
        config: the OmegaConf configuration that it would change, which is left unchanged.
    """
    try:
        (override,) = parse([typed])
        value = None if override.is_delete() else override.value()
        change = OmegaConf.create()
        OmegaConf.update(change, override.key_or_group, value)
        with explained(config, override=override):
            OmegaConf.merge(config, change)
    except UsageError as refusal:
        return refusal
    return None


def _wrong_value(
    error: Exception, config: Any, source: str, override: Override | None
) -> UsageError:
    """The error for a value that its key does not take."""
    typed_key = override.key_or_group if override else ""
    key = getattr(error, "full_key", None) or typed_key
    single_value = _list_above(typed_key, config) or key
    if typed_key.startswith(f"{single_value}."):
        return UsageError(
            f"unknown key {typed_key!r}: {single_value} is a single value",
            hint=f"{single_value}=VALUE",
        )
    reason = str(error).strip().splitlines()[0].rstrip(".")
    message = f"{key}: {reason}" if key else reason
    hint = _value_hint(key, reason, config) if key else None
    if override is not None and "to string" in reason:  # brackets, which Hydra reads as a list
        typed = override.input_line or ""
        message = f"the value in {typed!r} is a list or a mapping, and {key} is text"
        hint = quoting_hint(typed)
    return UsageError(_prefix(source) + message, hint=hint)


def _list_above(key: str, config: Any) -> str | None:
    """The list that would contain a key, if there is one."""
    for parent in itertools.accumulate(key.split(".")[:-1], "{}.{}".format):
        if OmegaConf.is_list(OmegaConf.select(config, parent)):
            return parent
    return None


def _value_hint(key: str, reason: str, config: Any) -> str | None:
    """The values that a key takes, read from OmegaConf's message."""
    if "Merge error" in reason:  # a single value for a section
        section = OmegaConf.select(config, key)
        names = [str(name) for name in section or ()]
        return f"{key}.{names[0]}=VALUE; {key} has {', '.join(names)}" if names else None
    if "is not Optional" in reason and OmegaConf.is_dict(OmegaConf.select(config, key)):
        keys = ", ".join(str(name) for name in OmegaConf.select(config, key))
        return f"it cannot be left out; {key} has {keys}"
    invalid_choice = INVALID_CHOICE.search(reason)
    if invalid_choice:
        value, allowed = invalid_choice.groups()
        if key == "trainer.accelerator" and ":" in value:
            return f"{key}=gpu, with CUDA_VISIBLE_DEVICES={value.rpartition(':')[2]} before alexcli"
        suggestion = suggest_choice(value, allowed.split(", "))
        return f"did you mean {key}={suggestion}?" if suggestion else f"{key} is one of {allowed}"
    for part, expected_type in EXPECTED_TYPES.items():
        if part in reason:
            return f"{key} is {expected_type}"
    return None


def _prefix(source: str) -> str:
    """The beginning of a message about a file."""
    return f"{source}: " if source else ""
