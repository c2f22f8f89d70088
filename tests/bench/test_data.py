import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from alexcli.bench import data
from alexcli.bench.harness import alternate, compare
from alexcli.cli.main import app
from alexcli.results import Silent
from tests.bench import prepare


def test_ratios_are_of_the_same_round_and_the_first_round_is_thrown_away() -> None:
    ours, theirs = iter([1.0, 4.0, 8.0, 12.0]), iter([100.0, 2.0, 2.0, 2.0])
    arms = {"ours": lambda: (next(ours), 1.0), "theirs": lambda: (next(theirs), 1.0)}
    rates = alternate(arms, 3, Silent(), "x")
    found = compare("x", "images/s", rates["ours"], "theirs", rates["theirs"])
    assert (found.ratio_min, found.ratio_median, found.ratio_max) == (2, 4, 6)
    assert (found.value, found.n) == (8, 3)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    noise = np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    (tmp_path / "photos").mkdir()
    Image.fromarray(noise).save(tmp_path / "photos" / "one.jpg")
    return tmp_path / "photos"


def test_bench_data_measures_every_arm(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data, "SECONDS", 0.02)
    monkeypatch.setattr(data, "PICTURES", 24)
    monkeypatch.setattr(data, "BATCH", 8)
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    words = ["bench", "data", str(photos), "--rounds", "1", "--format", "json"]
    done = CliRunner().invoke(app, [*words, "--out", "out/data.json"])
    assert done.exit_code == 0, done.stderr
    rows = json.loads(done.stdout)
    pairs = {(row["name"], row["against"]) for row in rows}
    assert {("data/raw", "imagefolder"), ("data/jpeg", "imagefolder")} <= pairs
    assert {("data/jpeg", "decode"), ("data/jpeg/workers=1", "imagefolder")} <= pairs
    assert all(row["value"] > 0 for row in rows)
    kept = json.loads(Path("out/data.json").read_text())
    assert kept["results"] == rows
    assert kept["on"]["cores"] == 1


def test_preparing_is_measured_with_its_start_and_without(
    photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prepare, "PICTURES", 12)
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    whole, going, *others, start = prepare.preparing(photos, 1, Silent())
    assert (whole.name, whole.against) == ("data/prepare", "1_cores")
    assert (going.name, going.against) == ("data/prepare/going", "1_cores")
    assert [(one.name, one.against) for one in others] == [
        ("data/prepare", "together"),
        ("data/prepare/going", "together"),
    ]
    assert (start.name, start.unit) == ("data/prepare/start", "s")
    assert 0 < whole.value < going.value
