import shlex

import pytest
import typer

from alexcli.cli.main import app
from alexcli.cli.start import FIRST_COMMANDS
from tests.cli.command_line import run_command

TERMINAL_WIDTH = 80


def test_alexcli_alone_shows_the_way_in_a_few_lines() -> None:
    outcome = run_command()
    assert outcome.code == 0
    lines = outcome.out.splitlines()
    assert len(lines) <= 12
    assert max(map(len, lines)) <= TERMINAL_WIDTH
    assert all(typed in outcome.out for typed in FIRST_COMMANDS)


@pytest.mark.parametrize("typed", FIRST_COMMANDS)
def test_a_first_command_can_be_typed(typed: str) -> None:
    program, *words = shlex.split(typed)
    assert program == "alexcli"
    command = typer.main.get_command(app)
    while words and words[0] in getattr(command, "commands", {}):
        command = command.commands[words.pop(0)]  # type: ignore[attr-defined]
    assert command.name != "alexcli"
    with command.make_context(None, words, resilient_parsing=False):
        pass
