"""The differences between two configurations."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from alexcli.config.compose import compose
from alexcli.config.files import groups
from alexcli.config.keys import as_typed
from alexcli.errors import UsageError
from alexcli.optim.schedules import describe
from alexcli.schema import ScheduleSpec, TrainSpec

ABSENT = "(absent)"
"""Stands for the value of a key that one side lacks."""

PRESENT = "present"
"""The value of a layer or of a parameter group itself, so that its absence is visible."""

NAMED_SECTIONS = ("model.layers", "optim.groups")
"""The mappings whose keys name layers and parameter groups; null removes one."""


@dataclass(frozen=True)
class Difference:
    """A key whose values differ."""

    key: str
    left: str
    right: str


def differences(left: Mapping[str, str], right: Mapping[str, str]) -> list[Difference]:
    """The keys whose values differ.

    Args:
        left: values by key, as `describe_values` returns them.
        right: the other side's.

    Returns:
        The differences in the order of the keys. A layer that one side lacks is one difference, not
        one for each of its keys.
    """
    lone_layers = [key for key in left.keys() ^ right.keys() if key.startswith("model.layers.")]
    prefixes = tuple(f"{layer}." for layer in lone_layers)
    return [
        Difference(key, left.get(key, ABSENT), right.get(key, ABSENT))
        for key in {**left, **right}
        if left.get(key) != right.get(key) and not key.startswith(prefixes)
    ]


def describe_choice(choice: str) -> dict[str, str]:
    """The values of one choice: those of its group or, for an experiment, of all groups.

    Args:
        choice: `GROUP=CHOICE`.

    Raises:
        UsageError: no such group or choice.
    """
    group, equals, _ = choice.partition("=")
    if not equals or group not in groups():
        raise UsageError(
            f"{choice!r} is neither a run nor GROUP=CHOICE",
            hint=f"the groups are {', '.join(groups())}",
        )
    spec = compose(["experiment=null", choice], TrainSpec)
    if group == "experiment":
        return describe_values(spec)
    return describe_values(getattr(spec, group), f"{group}.")


def describe_values(spec: Any, prefix: str = "") -> dict[str, str]:
    """The values of a configuration as text, by dotted key.

    A schedule and a list are one value each. A layer and a parameter group have a value of their
    own besides those of their keys. A removed one is left out, and so is the name of a yaml file,
    which does not count as a difference.

    Args:
        spec: a TrainSpec, or the dataclass of one group.
        prefix: what the keys begin with.
    """
    values: dict[str, str] = {}
    for field in dataclasses.fields(spec):
        if field.name != "name":
            values.update(_describe_value(getattr(spec, field.name), f"{prefix}{field.name}"))
    return values


def _describe_value(value: Any, key: str) -> dict[str, str]:
    """A value as text, or the values of everything in it."""
    if isinstance(value, ScheduleSpec):
        return {key: describe(value)}
    if dataclasses.is_dataclass(value):
        return describe_values(value, f"{key}.")
    if key in NAMED_SECTIONS:
        return _describe_named(value, f"{key}.")
    if isinstance(value, list):
        return {key: ", ".join(str(item) for item in value)}
    return {key: as_typed(value)}


def _describe_named(section: Mapping[str, Any], prefix: str) -> dict[str, str]:
    """The values of layers or of parameter groups."""
    values: dict[str, str] = {}
    for name, spec in section.items():
        if spec is not None:
            values[f"{prefix}{name}"] = PRESENT
            values.update(describe_values(spec, f"{prefix}{name}."))
    return values
