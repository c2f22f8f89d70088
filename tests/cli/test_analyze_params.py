import json

import pytest

from tests.cli.command_line import run_command

TOTAL_CSV = "total,,,659272,60965224,724406816,1448813632"


def test_json_has_the_totals_of_the_paper() -> None:
    outcome = run_command("analyze", "params", "--format", "json")
    assert outcome.code == 0
    data = json.loads(outcome.out)
    assert data["totals"]["params"] == 60_965_224
    assert data["totals"]["neurons"] == 659_272
    assert data["totals"]["macs"] == 724_406_816
    assert data["input"] == [3, 227, 227]
    assert data["layers"][0]["output"] == [96, 55, 55]


def test_csv_has_the_totals_as_the_last_line() -> None:
    outcome = run_command("analyze", "params", "--format", "csv")
    assert outcome.code == 0
    assert TOTAL_CSV in outcome.out.splitlines()


@pytest.mark.parametrize("format_name", ["table", "md", "latex"])
def test_people_read_grouped_numbers(format_name: str) -> None:
    outcome = run_command("analyze", "params", "--format", format_name)
    assert outcome.code == 0
    assert "60,965,224" in outcome.out


def test_params_follow_the_model() -> None:
    out = run_command("analyze", "params", "model=merged", "--format", "json").out
    assert json.loads(out)["totals"]["params"] == 62_378_344
