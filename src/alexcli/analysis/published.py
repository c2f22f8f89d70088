"""Published numbers about these nets: the content of published.yaml."""

from functools import cache
from pathlib import Path
from typing import Any


def published(section: str) -> Any:
    """A section of published.yaml, whose form is described there.

    Args:
        section: its key, such as `nets`.
    """
    return _sections()[section]


@cache
def _sections() -> dict[str, Any]:
    """The whole file."""
    import yaml  # imported here to keep --help fast

    path = Path(__file__).with_suffix(".yaml")
    return dict(yaml.safe_load(path.read_text(encoding="utf-8")))
