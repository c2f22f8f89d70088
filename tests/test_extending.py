"""The worked examples of docs/extending.md, applied to a copy of the code and run."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.M | re.S)


@dataclass
class Example:
    """A section of the page with its blocks of code."""

    title: str
    blocks: list[tuple[str, str]]
    """Language and content, in order."""


def _examples() -> list[Example]:
    """The sections that have blocks of code."""
    sections = re.split(r"^## ", PAGE, flags=re.M)[1:]
    examples = [Example(text.split("\n")[0], BLOCK.findall(text)) for text in sections]
    return [example for example in examples if example.blocks]


EXAMPLES = _examples()


def _apply_diff(diff: str, copy: Path) -> None:
    """Replace what each hunk shows by what it becomes; a hunk must fit in exactly one place."""
    for file in re.split(r"^--- a/", diff, flags=re.M)[1:]:
        path = copy / file.split("\n")[0]
        for hunk in re.split(r"^@@.*\n", file, flags=re.M)[1:]:
            lines = hunk.splitlines()
            before = "\n".join(line[1:] for line in lines if not line.startswith("+")) + "\n"
            after = "\n".join(line[1:] for line in lines if not line.startswith("-")) + "\n"
            text = path.read_text(encoding="utf-8")
            assert text.count(before) == 1, f"{path.name} has no single place for:\n{before}"
            path.write_text(text.replace(before, after), encoding="utf-8")


def _write_file(content: str, copy: Path) -> None:
    """A new file, whose first line is its path in a comment."""
    first, rest = content.split("\n", 1)
    path = copy / first.removeprefix("# ")
    assert not path.exists(), f"{path} is not new"
    path.write_text(rest, encoding="utf-8")


def _run(commands: str, copy: Path) -> None:
    """Run the commands, whose output must hold the lines below them."""
    environ = {**os.environ, "PYTHONPATH": str(copy / "src")}
    for block in re.split(r"^\$ alexcli ", commands, flags=re.M)[1:]:
        command, *expected = block.splitlines()
        result = subprocess.run(
            [sys.executable, "-m", "alexcli", *shlex.split(command)],
            capture_output=True,
            text=True,
            env=environ,
            timeout=120,
        )
        output = result.stdout + result.stderr
        assert result.returncode == 0, output
        for line in expected:
            assert line in output, f"{command} prints:\n{output}"


def test_the_page_has_five_examples() -> None:
    assert len(EXAMPLES) == 5


@pytest.mark.slow
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.title)
def test_an_example_works_as_it_is_written(example: Example, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    for folder in ("src", "conf"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for language, content in example.blocks:
        match language:
            case "diff":
                _apply_diff(content, copy)
            case "console":
                _run(content, copy)
            case _:
                _write_file(content, copy)
