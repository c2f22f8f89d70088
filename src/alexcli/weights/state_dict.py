"""Finding the weights in PyTorch files: state dicts, wrapped and prefixed in many ways."""

import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from alexcli.errors import UsageError

WRAPPERS = ("state_dict", "model", "model_state_dict", "model_state", "net", "weights", "params")
"""Keys under which a checkpoint holds the weights."""
NAMELESS = frozenset({"module", "model", "state_dict", "_orig_mod"})
"""Parts of a name that only show how the net was wrapped: by DataParallel, Lightning, compile."""


def weights_in(content: Mapping[str, Any]) -> dict[str, Tensor]:
    """The weights of a checkpoint, without wrappers.

    Args:
        content: what torch.save or safetensors wrote.

    Returns:
        Weights by name, in the file's order; `features.module.0.weight` is `features.0.weight`.

    Raises:
        UsageError: two weights have the same name without their prefixes.
    """
    while inner := [content[key] for key in WRAPPERS if isinstance(content.get(key), Mapping)]:
        content = inner[0]
    weights: dict[str, Tensor] = {}
    for name, value in content.items():
        if not isinstance(value, Tensor):
            continue
        parts = str(name).split(".")
        plain = ".".join(part for part in parts if part not in NAMELESS)
        if plain in weights:
            raise UsageError(
                f"the file has several weights called {plain} once prefixes are left out",
                hint="save the weights of one net: torch.save(net.state_dict(), FILE)",
            )
        weights[plain] = value
    return weights


def natural_order(name: str) -> list[tuple[int, str]]:
    """A key that sorts features.10 after features.9."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]
