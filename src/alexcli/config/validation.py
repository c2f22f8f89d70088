"""The last check of a configuration: every number is in its range."""

import dataclasses
import math
import operator
from typing import Any

from alexcli.errors import UsageError
from alexcli.json_text import LARGEST

LIMITS = {
    "low": ("at least", operator.ge),
    "high": ("at most", operator.le),
    "above": ("above", operator.gt),
    "below": ("below", operator.lt),
}
"""Each limit of `schema.ranged` as a phrase, and as the comparison that must hold."""


def check_ranges(spec: Any, prefix: str = "") -> None:
    """Check every number of a dataclass against the range beside its field.

    Args:
        spec: a dataclass of the schema.
        prefix: what the keys of its fields begin with.

    Raises:
        UsageError: a number is out of range, not finite or too large for 64 bits; a text has a null
            character.
    """
    for field in dataclasses.fields(spec):
        _check_value(getattr(spec, field.name), f"{prefix}{field.name}", field)


def _check_value(value: Any, key: str, field: dataclasses.Field[Any]) -> None:
    """Check a value, or everything in a list, a mapping or a dataclass.

    Args:
        value: of the field or, within a mapping, of one of its items.
        key: the full key.
        field: carries the range and the default.
    """
    if dataclasses.is_dataclass(value):
        check_ranges(value, f"{key}.")
    elif isinstance(value, dict):
        for name, item in value.items():
            if isinstance(name, int) and not 1 <= name <= LARGEST:
                raise UsageError(
                    f"{key} has the entry {name:.3g}; epochs and steps are from 1 to {LARGEST:,}",
                    hint=f"{key}={{1: VALUE}}",
                )
            _check_value(item, f"{key}.{name}", field)
    elif isinstance(value, list):
        for item in value:
            if isinstance(item, list):  # OmegaConf accepts one as any item
                raise UsageError(f"{key}={value} is a list within a list", hint=f"{key}=[a,b]")
            _check_value(item, key, field)
    elif isinstance(value, float) and not math.isfinite(value):
        raise UsageError(
            f"{key}={value} is not a finite number", hint=f"alexcli config explain {key}"
        )
    elif isinstance(value, int) and abs(value) > LARGEST:
        digits = math.ceil(value.bit_length() * math.log10(2))
        raise UsageError(
            f"{key} is a number of about {digits:,} digits, and may be at most {LARGEST:,}",
            hint="alexcli config show prints its default",
        )
    elif isinstance(value, str) and "\0" in value:
        raise UsageError(
            f"{key}={value!r} holds a null character, which no name may have",
            hint="write the name without it",
        )
    elif value is not None:
        _check_range(value, key, field)


def _check_range(value: Any, key: str, field: dataclasses.Field[Any]) -> None:
    phrases = []
    exceeded = {}
    for name, limit in field.metadata.items():
        phrase, holds = LIMITS[name]
        phrases.append(f"{phrase} {limit:g}")
        if not holds(value, limit):
            exceeded[name] = limit
    if not exceeded:
        return
    example = field.default
    if not isinstance(example, (int, float)):  # none that is a number: the limit, if it is allowed
        example = exceeded.get("low", exceeded.get("high"))
    hint = f"for instance {key}={example:g}" if example is not None else "choose one within it"
    raise UsageError(
        f"{key}={value} is out of range: it must be {' and '.join(phrases)}", hint=hint
    )
