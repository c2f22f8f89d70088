"""The allowed range of a number, written beside its field."""

from dataclasses import field
from typing import Any


def ranged(default: Any, **limits: float) -> Any:
    """A field whose number must keep within limits: low <= x <= high and above < x < below."""
    return field(default=default, metadata=limits)
