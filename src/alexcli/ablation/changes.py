"""Resolving the changes of an arm in a study's file: patterns of keys, and factors."""

import fnmatch
import re
from collections.abc import Mapping
from typing import Any

from alexcli.config.overrides import hydra_value
from alexcli.errors import UsageError, did_you_mean
from alexcli.model.shapes import active_layers
from alexcli.schema import TrainSpec

FACTOR = re.compile(r"x\d")
"""Start of a value that multiplies the baseline's, such as x0.5."""
WHOLE_FACTOR = re.compile(r"x\d{1,9}(\.\d{1,9})?(e-?\d)?")

IF_PRESENT = "?"
"""End of a list entry, such as pool?, that is left out if the baseline's list lacks it."""

KEYS_READ_BY_OP = {
    "norm": ("model.norm", "model.lrn."),
    "spatial_norm": ("model.spatial_norm_enabled",),
    "dropout": ("model.dropout.",),
    "act": ("model.activation",),
    "pool": ("model.pool.",),
}
"""Prefixes of the model's keys that are read only by layers with the op."""

ANOTHER_SETTING = "choose another setting: model=, experiment= or KEY=VALUE"

NAMED_PARTS = ("model.layers.", "optim.groups.")
"""Layers and groups of parameters, which can be removed whole."""


class OtherSettingError(UsageError):
    """A study that cannot be measured in a setting, and most likely can in another."""


def resolve(change: Mapping[str, Any], before: Mapping[str, Any], arm: str) -> dict[str, Any]:
    """Resolve an arm's changes to plain keys and values.

    Args:
        change: keys, in which [1-4] and * stand for layers, and values: x0.5 multiplies the
            baseline's value, and a list entry such as pool? applies only if the baseline has it.
        before: the baseline's values by dotted key.
        arm: named in messages.

    Raises:
        UsageError: a key that fits nothing in the setting; OtherSettingError if it is of a layer or
            a group of parameters, which another setting may have.
    """
    parts = {".".join(key.split(".")[:3]) for key in before if key.startswith(NAMED_PARTS)}
    present = [key for key in (*before, *parts) if before.get(key, "") is not None]
    resolved: dict[str, Any] = {}
    for pattern, value in change.items():
        keys = _matching(pattern, value, before, present)
        removes_nothing = value is None and "*" in pattern
        if not keys and not removes_nothing:
            message = f"the arm {arm} changes {pattern}, which this setting does not have"
            if not pattern.startswith(NAMED_PARTS):  # any setting has all other keys
                near = did_you_mean(pattern, before)
                raise UsageError(message, hint=near or "alexcli config show lists all keys")
            raise OtherSettingError(message, hint=ANOTHER_SETTING)
        for key in keys:
            if FACTOR.match(str(value)):
                _check_factor(value, before.get(key), key, arm)
            resolved[key] = _adapted(value, before.get(key))
    return resolved


def _check_factor(factor: str, baseline: Any, key: str, arm: str) -> None:
    """Raise UsageError for a factor that is no number, or of a baseline that is none.

    Args:
        factor: what the study's file says, such as x0.5.
        baseline: the setting's value of the key.
        key: what the arm changes.
        arm: named in messages.
    """
    if not WHOLE_FACTOR.fullmatch(factor):
        raise UsageError(
            f"the arm {arm} changes {key} to {factor}, which is no factor",
            hint=f"{key}: x0.5 halves the baseline's value",
        )
    if isinstance(baseline, bool) or not isinstance(baseline, int | float):
        raise UsageError(
            f"the arm {arm} multiplies {key} by {factor.removeprefix('x')}, but it is "
            f"{hydra_value(baseline)} in this setting, which is no number",
            hint=f"{key}: VALUE sets it",
        )


def _adapted(value: Any, baseline: Any) -> Any:
    """Resolve a value of an arm for a setting.

    Args:
        value: what the study's file says; a factor has been checked.
        baseline: the setting's value of the same key.
    """
    if FACTOR.match(str(value)):
        return _scaled(baseline, value)
    if not isinstance(value, list):
        return value
    # Composing refuses a list in the place of a single value.
    present = [str(entry) for entry in baseline] if isinstance(baseline, list) else []
    entries = []
    for entry in value:
        name = str(entry).removesuffix(IF_PRESENT)
        if name == str(entry):
            entries.append(entry)
        elif name in present:
            entries.append(name)
    return entries


def _matching(pattern: str, value: Any, before: Mapping[str, Any], present: list[str]) -> list[str]:
    """The keys that a pattern stands for: itself, a part that gets a mapping, or all that match.

    A * stands for one part of a dotted key.
    """
    whole_part = isinstance(value, dict) and any(key.startswith(f"{pattern}.") for key in before)
    if whole_part or pattern in before:
        return [pattern]
    points = pattern.count(".")
    return [key for key in fnmatch.filter(present, pattern) if key.count(".") == points]


def _scaled(value: Any, factor: str) -> Any:
    """A number times a factor such as x0.5; integers, such as numbers of kernels, stay integers."""
    product = value * float(factor.removeprefix("x"))
    return round(product) if isinstance(value, int) else float(f"{product:.6g}")


def keys_without_effect(base: TrainSpec) -> list[str]:
    """Prefixes of keys that a setting's net does not read, so that changing them has no effect."""
    if base.model.torchvision is not None:
        read = ("torchvision", "small_stem", "input")
        return [f"model.{key}" for key in vars(base.model) if key not in read]
    ops = {op.name for layer in active_layers(base.model).values() for op in layer.ops}
    return [key for op, keys in KEYS_READ_BY_OP.items() if op not in ops for key in keys]


def format_value(value: Any) -> str:
    """A value for people; a list without its brackets."""
    return ", ".join(map(str, value)) if isinstance(value, list) else hydra_value(value)
