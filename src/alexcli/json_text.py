"""Reading untrusted json."""

import json
import math
from typing import Any

MOST_BYTES = 64 << 20
"""More than any json file that alexcli writes and reads whole."""
LARGEST = 2**63 - 1
"""Largest integer that is read, that of an int64."""


def parse_json(text: str | bytes, *, allow_nan: bool = False) -> Any:
    """Parse a json document into plain data.

    Args:
        text: the document, in UTF-8 if it is bytes.
        allow_nan: whether NaN and Infinity, which Python writes for measured values, are read.

    Raises:
        ValueError: not json; too long or nested too deep; a number that overflows, is not finite
            (without `allow_nan`), or is an integer that does not fit in 64 bits.
    """
    if len(text) > MOST_BYTES:
        raise ValueError(f"a length of {len(text):,} is more than {MOST_BYTES:,}")
    constant = float if allow_nan else _refuse
    try:
        return json.loads(text, parse_int=_int, parse_float=_float, parse_constant=constant)
    except RecursionError:
        raise ValueError("it is nested too deep") from None


def _int(digits: str) -> int:
    if len(digits) > len(str(-LARGEST)) or abs(int(digits)) > LARGEST:
        raise ValueError(f"the number {digits[:30]}{'...' * (len(digits) > 30)} is too large")
    return int(digits)


def _float(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError(f"the number {digits[:30]} is too large")
    return number


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is not a finite number")
