"""Reading result.json, which is untrusted."""

import math
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from alexcli.files import read_limited
from alexcli.json_text import MOST_BYTES, parse_json
from alexcli.records.training import QUANTILES

Fits = Callable[[Any], bool]

LAYER_NAME = re.compile(r"[A-Za-z0-9_.]{1,80}( \(\d{1,3}\))?")
"""Names of layers and modules; the number of a module's use may follow."""
MOST_LAYERS = 2000
NUMBERS_OF_A_ROW = ("loss", "lr", "images_per_s", "time", "peak_memory_bytes")
LARGEST_WEIGHT = 3.5e38
"""About the largest float32."""


def read_result(path: Path) -> dict[str, Any]:
    """The content of a result.json with everything that its readers rely on.

    Raises:
        OSError: it cannot be read.
        ValueError: it is not json, or lacks something; the message says what.
    """
    content = parse_json(read_limited(path, MOST_BYTES), allow_nan=True)
    if not isinstance(content, dict):
        raise ValueError(f"it is a {type(content).__name__}, not a mapping")
    _check(content, ANY_RUN)
    if content["kind"] == "train":
        _check(content, TRAINED)
    return content


def is_row(row: Any) -> bool:
    """Whether a line of metrics.jsonl has what every reader relies on."""
    return (
        isinstance(row, dict)
        and _is_error(row.get("top1_err"))
        and _is_count(row.get("step"))
        and _is_count(row.get("epoch"))
        and isinstance(row.get("split"), str)
        and (row.get("top5_err") is None or _is_error(row["top5_err"]))
        and all(row.get(name) is None or _is_number(row[name]) for name in NUMBERS_OF_A_ROW)
    )


def is_units_row(row: Any) -> bool:
    """Whether a line of units.jsonl has what every reader relies on."""
    return (
        isinstance(row, dict)
        and all(_is_count(row.get(name)) for name in ("step", "epoch", "images"))
        and _is_of_layers(row.get("dead"), _is_error)
        and _is_of_layers(row.get("weights"), _are_quantiles)
    )


def _is_of_layers(value: Any, fits: Fits) -> bool:
    """Whether it is a mapping from names of layers to values that fit."""
    return (
        isinstance(value, dict)
        and len(value) <= MOST_LAYERS
        and all(LAYER_NAME.fullmatch(name) and fits(each) for name, each in value.items())
    )


def _are_quantiles(value: Any) -> bool:
    """Whether it is what records.training.UnitsRow has for a layer's weights."""
    return (
        isinstance(value, list)
        and len(value) == len(QUANTILES)
        and all(type(each) is float and abs(each) <= LARGEST_WEIGHT for each in value)
        and value == sorted(value)
    )


def _check(content: Mapping[str, Any], required: Mapping[str, Fits]) -> None:
    for key, fits in required.items():
        if not fits(content.get(key)):
            problem = "is not what alexcli writes" if key in content else "is missing"
            raise ValueError(f"{key!r} {problem}")


def _is_count(value: Any) -> bool:
    return type(value) is int and value >= 0


def _is_error(value: Any) -> bool:
    return type(value) in (int, float) and 0 <= value <= 1


def _is_number(value: Any) -> bool:
    return type(value) in (int, float)


def _is_count_or_missing(value: Any) -> bool:
    return value is None or _is_count(value)


def _is_duration(value: Any) -> bool:
    return type(value) in (int, float) and 0 <= value < math.inf


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _are_errors(value: Any) -> bool:
    """Whether it has the errors of a pass, top-5 being optional, and the number of images."""
    if not isinstance(value, dict) or not _is_error(value.get("top1_err")):
        return False
    top5 = value.get("top5_err")
    return (top5 is None or _is_error(top5)) and _is_count(value.get("n"))


def _is_last(value: Any) -> bool:
    """Whether there is a row for the last pass over each split, validation among them."""
    return isinstance(value, dict) and "val" in value and all(map(is_row, value.values()))


def _is_of_data(value: Any) -> bool:
    """Whether it is a result's description of the images, as far as it is read."""
    if value is None:
        return True
    return isinstance(value, dict) and all(
        _is_count_or_missing(value.get(name)) for name in ("train", "val", "skipped")
    )


def _is_environment(value: Any) -> bool:
    """Whether it is what environment.describe_environment returns, as far as it is read."""
    if value is None:
        return True
    if not isinstance(value, dict):
        return False
    devices = value.get("devices", [])
    packages = value.get("packages", {})
    return (
        isinstance(packages, dict)
        and all(map(_is_text, packages.values()))
        and isinstance(devices, list)
        and all(map(_is_text, devices))
        and _is_git_state(value.get("git"))
    )


def _is_git_state(value: Any) -> bool:
    """Whether it is what environment.git_state returns."""
    if value is None:
        return True
    return (
        isinstance(value, dict)
        and _is_text(value.get("revision"))
        and isinstance(value.get("dirty"), bool)
    )


ANY_RUN: Mapping[str, Fits] = {
    "kind": _is_text,
    "precision": lambda value: value is None or _is_text(value),
    "on": _is_environment,
    "test": lambda value: value is None or _are_errors(value),
    "data": _is_of_data,
    "parameters": _is_count_or_missing,
    "epochs": _is_count_or_missing,
    "steps": _is_count_or_missing,
    "notes": lambda value: value is None or (isinstance(value, list) and all(map(_is_text, value))),
}
"""The keys that readers of any result use, with their checks; None passes if it may be missing."""

TRAINED: Mapping[str, Fits] = {
    "last": _is_last,
    "best": lambda value: value is None or is_row(value),
    "seconds": _is_duration,
    "classes": _is_count,
}
"""The same for a trained run's."""
