"""alexcli checks."""

import json

import pytest

from alexcli.records.check import Check
from tests.cli.command_line import run_command


def test_a_report_is_printed_in_every_format(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [Check("cores", "2 of 2"), Check("GPU", "none", hint="a driver")]
    monkeypatch.setattr("alexcli.run.checks.run_checks", lambda _: found)
    assert run_command("checks").code == 0
    assert "| cores | ok | 2 of 2 |" in run_command("checks", "--format", "md").out
    (cores, gpu) = json.loads(run_command("checks", "--format", "json").out)
    assert cores == {"name": "cores", "description": "2 of 2", "broken": False, "hint": ""}
    assert gpu["hint"] == "a driver"


def test_what_is_essential_and_broken_ends_with_exit_code_1(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = [Check("cores", "2"), Check("training", "fails", broken=True, hint="mend it")]
    monkeypatch.setattr("alexcli.run.checks.run_checks", lambda _: found)
    outcome = run_command("checks", "--format", "md")
    assert outcome.code == 1
    assert "| training | BROKEN | fails | mend it |" in outcome.out
    assert "broken: training" in outcome.err
