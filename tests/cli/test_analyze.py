"""alexcli analyze: any analysis by its file's name, with its table, its files and its figure."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from alexcli.cli.analyze import NAMES
from alexcli.cli.main import app
from alexcli.render import analyses


def test_every_analysis_has_a_table() -> None:
    assert {"params", "traffic"} <= set(NAMES)
    assert all(callable(getattr(analyses, name)) for name in NAMES if name != "tables")


def test_out_writes_the_figure_and_its_numbers() -> None:
    words = ["analyze", "traffic", "traffic.devices=[2,4096]", "--out", "drawn", "--format", "json"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.stderr
    assert {path.name for path in Path("drawn").iterdir()} == {
        *("traffic.png", "traffic.csv", "traffic.json")
    }
    assert Path("drawn/traffic.png").read_bytes().startswith(b"\x89PNG")
    found = json.loads(Path("drawn/traffic.json").read_text())
    assert found == json.loads(done.stdout)
    assert max(row["devices"] for row in found["rows"]) == 4096
    assert Path("drawn/traffic.csv").read_text().count("\n") == 1 + len(found["rows"])


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["traffik"], "traffic"),
        (["traffic", "traffic.batches=[0]"], "traffic.batches=[0]"),
        (["traffic", "--out", "/dev/null/x"], "/dev/null/x"),
    ],
)
def test_bad_usage_is_refused(words: list[str], says: str) -> None:
    done = CliRunner().invoke(app, ["analyze", *words])
    assert done.exit_code == 2
    assert says in done.stderr
