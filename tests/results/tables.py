"""The tables of the documentation, each between comments that name it and the command it is from.

`python -m tests.results.tables` writes them anew.
"""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.cli.command_line import run_command
from tests.results.pages import ROOT

FILES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(
    r"(?P<head><!-- (?P<name>\w+): alexcli (?P<command>.*?) -->\n)"
    r"(?P<table>.*?)(?P<end><!-- /(?P=name) -->)",
    re.DOTALL,
)


class Block(NamedTuple):
    """A table of a document."""

    file: Path
    command: str
    """What follows `alexcli`."""
    table: str

    def __str__(self) -> str:
        return f"{self.file.name}: {self.command}"


def blocks() -> Iterator[Block]:
    """Every table that is made by a command."""
    for file in FILES:
        for match in BLOCK.finditer(file.read_text(encoding="utf-8")):
            yield Block(file, match["command"], match["table"])


def made(command: str) -> str:
    """What a command prints, with paths below the repository."""
    words = [
        str(ROOT / word) if word.startswith("results/") else word for word in shlex.split(command)
    ]
    outcome = run_command(*words)
    assert outcome.code == 0, outcome.err
    return outcome.out.strip() + "\n"


def main() -> None:
    """Write every table anew."""
    for file in FILES:
        text = file.read_text(encoding="utf-8")
        new = BLOCK.sub(
            lambda match: f"{match['head']}{made(match['command'])}{match['end']}", text
        )
        if new != text:
            file.write_text(new, encoding="utf-8")


if __name__ == "__main__":
    main()
