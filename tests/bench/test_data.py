"""The store beside torchvision's pipeline."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from alexcli.bench import data
from alexcli.cli.main import app


def test_bench_data_measures_every_arm(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data, "SECONDS", 0.02)
    monkeypatch.setattr(data, "IMAGES", 24)
    monkeypatch.setattr(data, "BATCH", 8)
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    command = ["bench", "data", str(photos), "--rounds", "1", "--format", "json"]
    result = CliRunner().invoke(app, [*command, "--out", "out/data.json"])
    assert result.exit_code == 0, result.stderr
    rows = json.loads(result.stdout)
    pairs = {(row["name"], row["against"]) for row in rows}
    assert {("data/raw", "imagefolder"), ("data/jpeg", "imagefolder")} <= pairs
    assert {("data/jpeg", "decode"), ("data/jpeg/workers=1", "imagefolder")} <= pairs
    assert all(row["value"] > 0 for row in rows)
    content = json.loads(Path("out/data.json").read_text())
    assert content["results"] == rows
    assert content["on"]["cores"] == 1
