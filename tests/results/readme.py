"""The README and the files of results that it quotes."""

import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "results"


def readme() -> str:
    """The text of the README."""
    return (ROOT / "README.md").read_text(encoding="utf-8")


def readme_on_one_line() -> str:
    """The text with single spaces, for sentences that are broken over lines."""
    return " ".join(readme().split())


def read(path: Path) -> dict[str, Any]:
    """A file that a command wrote, of a clean revision."""
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    assert content["on"]["git"]["dirty"] is False
    return content
