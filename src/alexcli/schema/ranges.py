"""The allowed range of a number, written beside its field."""

from dataclasses import field
from typing import Any, TypedDict, Unpack

from omegaconf import MISSING


class Limits(TypedDict, total=False):
    """low <= x <= high and above < x < below, where given."""

    low: float
    high: float
    above: float
    below: float


def ranged(default: Any = MISSING, **limits: Unpack[Limits]) -> Any:
    """A field whose number must keep within the limits."""
    return field(default=default, metadata=dict(limits))
