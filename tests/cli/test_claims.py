"""alexcli claims."""

import json

import pytest

from alexcli.cli import claims
from tests.cli.command_line import run_command


def test_every_claim_is_listed_with_what_was_measured() -> None:
    result = run_command("claims")
    assert result.code == 0, result.err
    assert "60,965,224" in result.out
    assert "not measured" in result.out
    rows = json.loads(run_command("claims", "--format", "json").out)
    assert {"parameters", "lrn", "table1"} <= {row["name"] for row in rows}


def test_the_brief_table_is_a_part_of_the_whole() -> None:
    brief = json.loads(run_command("claims", "--brief", "--format", "json").out)
    every = json.loads(run_command("claims", "--format", "json").out)
    assert 8 <= len(brief) < len(every)
    assert all(row in every for row in brief)


def test_one_claim_is_told_with_its_command() -> None:
    result = run_command("claims", "lrn")
    assert result.code == 0, result.err
    assert "alexcli ablate lrn experiment=ilsvrc2012" in result.out
    assert "alexcli claims lrn --run" in result.out


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        (["lrm"], "claim 'lrm' does not exist", "did you mean lrn?"),
        (["overlap"], "claim 'overlap' does not exist", "did you mean overlapping_pooling or "),
        (["lrn", "dropout"], "takes one claim", "lists all"),
        (["--run"], "takes one claim", "lists all"),
        (["lrn", "data.root=x"], "overrides need a command to run", "--run"),
        (["tower_colour", "--run"], "needs runs of your own", "--run 'runs/quickstart/s*'"),
        (["cifar_26", "--run"], "needs data.root=DIR", "cifar_26 --run data.root=DIR"),
    ],
)
def test_what_cannot_be_shown_or_run_is_refused(words: list[str], message: str, hint: str) -> None:
    result = run_command("claims", *words)
    assert result.code == 2
    assert message in result.err
    assert hint in result.err


def test_a_claim_is_run_as_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[list[str]] = []

    def call(command: list[str]) -> int:
        called.append(command[3:])
        return 3

    monkeypatch.setattr(claims.subprocess, "call", call)
    result = run_command("claims", "cifar_26", "--run", "data.root=photos", "seed=1")
    assert result.code == 3, "the exit code is the command's"
    assert called == [["train", "experiment=cifar_26", "data.root=photos", "seed=1"]]
