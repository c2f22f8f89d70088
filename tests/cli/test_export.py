import json
from pathlib import Path

from alexcli.run.directory import RunDirectory
from tests.cli.command_line import run_command


def test_a_run_is_exported_once(run: RunDirectory) -> None:
    arguments = ("export", str(run.path), "--format", "safetensors")
    outcome = run_command(*arguments, "--json")
    assert outcome.code == 0, outcome.err
    assert json.loads(outcome.out)["bytes"] == Path("tiny.safetensors").stat().st_size
    again = run_command(*arguments)
    assert again.code == 2
    assert "exists already" in again.err
