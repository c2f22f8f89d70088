"""The page of every command, made by typer from the commands themselves.

`python -m tests.results.commands` writes it anew.
"""

import html
import re
from collections.abc import Iterable, Iterator
from typing import Any

import typer
from typer.cli import get_docs_for_click

from alexcli.cli.main import app
from tests.results.pages import ROOT

PAGE = ROOT / "docs" / "commands.md"
INTRODUCTION = """# Every command

What `alexcli COMMAND --help` prints, on one page. KEY=VALUE words are explained in
[every key](keys.md), and how they make a configuration in [configuration](configuration.md).
"""
EXAMPLES = re.compile(r"^Examples:\n\n((?:alexcli .*\n\n?)+)", re.MULTILINE)
"""The end of a command's help, a paragraph for each example."""
HEADING = re.compile(r"^#+ `alexcli ?(.*)`$")
ENTRY = re.compile(r"^\* `([\w-]+)`: .*")
"""A command in a list of commands, whose text typer cuts."""
TYPE = re.compile(r"^(\* `[A-Z[][^`]*) <\S+>`", re.MULTILINE)
"""What typer adds to an argument that has a name of its own."""


def made() -> str:
    """The page as the commands are now."""
    command = typer.main.get_command(app)
    context = typer.Context(command)
    text = get_docs_for_click(obj=command, ctx=context, name="alexcli")
    _, _, text = text.partition("\n")
    text = TYPE.sub(r"\1`", html.unescape(text))
    text = "\n".join(_with_links(text.splitlines(), command))
    text = EXAMPLES.sub(_as_code, text)
    return f"{INTRODUCTION}{text.rstrip()}\n"


def _with_links(lines: Iterable[str], root: Any) -> Iterator[str]:
    """The lines, with links and whole sentences in the lists of commands."""
    words: list[str] = []
    for line in lines:
        heading = HEADING.match(line)
        entry = ENTRY.match(line)
        if heading:
            words = heading[1].split()
        command = _command(root, words)
        if entry and entry[1] in getattr(command, "commands", {}):
            about = command.commands[entry[1]].help.partition("\n\n")[0]
            anchor = "-".join(["alexcli", *words, entry[1]])
            yield f"* [`{entry[1]}`](#{anchor}): {about}"
        else:
            yield line if line.startswith(("$", "alexcli")) else line.replace(".*", r".\*")


def _command(root: Any, words: Iterable[str]) -> Any:
    for word in words:
        root = root.commands[word]
    return root


def _as_code(examples: re.Match[str]) -> str:
    lines = [f"$ {line}" for line in examples[1].splitlines() if line]
    return "\n".join(["**Examples**:", "", "```console", *lines, "```\n\n"])


def main() -> None:
    """Write the page anew."""
    PAGE.write_text(made(), encoding="utf-8")


if __name__ == "__main__":
    main()
