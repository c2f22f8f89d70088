import errno
import json
import os
import signal
from pathlib import Path

import pytest
import typer

from alexcli.cli.guard import guarded, print_error
from alexcli.errors import RunFailedError, UsageError
from alexcli.placement.environment import MEETING
from tests.cli.command_line import run_command


def _exit_code(error: BaseException) -> int:
    """The exit code of a guarded command that raises an error."""

    @guarded
    def command() -> None:
        raise error

    with pytest.raises(typer.Exit) as caught:
        command()
    return caught.value.exit_code


def test_an_expected_error_ends_with_its_own_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert _exit_code(UsageError("no such run", hint="alexcli train")) == 2
    assert capsys.readouterr().err == "error: no such run\nhint: alexcli train\n"
    assert _exit_code(RunFailedError("the disk is full")) == 1
    assert capsys.readouterr().err == "error: the disk is full\n"


def test_ctrl_c_ends_with_130(capsys: pytest.CaptureFixture[str]) -> None:
    assert _exit_code(KeyboardInterrupt()) == 130
    assert "repeat the same command" in capsys.readouterr().err


def test_sigterm_ends_any_command_with_75_after_it_has_cleaned_up(
    capsys: pytest.CaptureFixture[str],
) -> None:
    cleaned: list[bool] = []

    @guarded
    def command() -> None:
        try:
            signal.raise_signal(signal.SIGTERM)
        finally:
            cleaned.append(True)

    with pytest.raises(typer.Exit) as caught:
        command()
    assert caught.value.exit_code == 75
    assert cleaned == [True]
    assert capsys.readouterr().err.startswith("error: stopped by SIGTERM\nhint: repeat the same")


def test_an_unexpected_error_keeps_its_traceback() -> None:
    @guarded
    def command() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        command()


@pytest.mark.parametrize("number", [errno.ENAMETOOLONG, errno.EACCES, errno.ELOOP])
def test_a_path_that_the_system_refuses_is_a_message(
    number: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _exit_code(OSError(number, os.strerror(number), "a" * 300)) == 2
    reason = os.strerror(number)
    message = f"error: {'a' * 120}... cannot be used: {reason}\nhint: check the path"
    assert capsys.readouterr().err.startswith(message)


@pytest.mark.parametrize(
    "command", ["eval", "predict", "report", "import weights", "data verify", "config show --conf"]
)
def test_a_path_that_is_too_long_is_a_message_in_every_command(command: str) -> None:
    outcome = run_command(*command.split(), "x" * 300)
    assert outcome.code == 2
    assert "File name too long\nhint: " in outcome.err


def test_one_of_several_processes_sends_its_error_to_the_process_that_started_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    environ = {"RANK": "1", "WORLD_SIZE": "2", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "2"}
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv(MEETING, str(tmp_path / "meeting"))
    assert _exit_code(ZeroDivisionError("division by zero")) == 1
    assert capsys.readouterr().err == ""
    record = json.loads((tmp_path / "rank1.json").read_text())
    assert "ZeroDivisionError" in record["message"]


def test_a_rank_of_torchrun_says_which_it_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    environ = {"RANK": "1", "WORLD_SIZE": "2", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "2"}
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv(MEETING, raising=False)
    print_error(UsageError("no such run"))
    assert capsys.readouterr().err == "error: rank 1 of 2: no such run\n"
