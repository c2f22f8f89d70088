"""What a field allows, written beside it: the range of a number, or no default."""

from dataclasses import field
from typing import Any

MISSING: Any = "???"
"""In the place of a default: the value must be given. OmegaConf, too, takes this text for that."""


def ranged(default: Any, **limits: float) -> Any:
    """A dataclass field whose number must stay within limits.

    Args:
        default: the default of the field; None stands for no number and is always allowed.
        limits: any of `low` and `high`, which are allowed themselves, and `above` and `below`,
            which are not.
    """
    return field(default=default, metadata=limits)
