"""Running commands in this process."""

from typing import NamedTuple

from typer.testing import CliRunner

from alexcli.cli.main import app


class Outcome(NamedTuple):
    """How a command ended, and what it printed."""

    code: int
    out: str
    err: str


def run_command(*arguments: str) -> Outcome:
    """Run `alexcli` with arguments; an unexpected error fails the test."""
    result = CliRunner().invoke(app, list(arguments))
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return Outcome(result.exit_code, result.stdout, result.stderr)
