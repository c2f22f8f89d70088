"""The allowed range of a number, written beside its field."""

from dataclasses import field
from typing import Any

from omegaconf import MISSING


def ranged(
    default: Any = MISSING,
    *,
    low: float | None = None,
    high: float | None = None,
    above: float | None = None,
    below: float | None = None,
) -> Any:
    """A field whose number must satisfy low <= x <= high and above < x < below where given."""
    limits = {"low": low, "high": high, "above": above, "below": below}
    metadata = {name: limit for name, limit in limits.items() if limit is not None}
    return field(default=default, metadata=metadata)
