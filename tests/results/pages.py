"""The README, the pages of docs and the files of results that they quote."""

import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "results"


def page(name: str) -> str:
    """The text of a page of docs."""
    return (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")


def page_on_one_line(name: str) -> str:
    """The text with single spaces, for sentences that are broken over lines."""
    return " ".join(page(name).split())


def read(path: Path) -> dict[str, Any]:
    """A file that a command wrote, of a clean revision."""
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    assert content["on"]["git"]["dirty"] is False
    return content
