"""What the README says was measured, against the files that a command wrote."""

import json
from pathlib import Path

import pytest

from alexcli.config import STUDIES, choices

ROOT = Path(__file__).parent.parent
FILES = sorted((ROOT / "results" / "training").glob("*.json"))
PREPARED = sorted((ROOT / "results" / "data").glob("prepare_*.json"))
DATA = sorted({*(ROOT / "results" / "data").glob("*.json")} - {*PREPARED})


def test_there_are_results() -> None:
    assert {"quickstart", "cifar_26", "imagenette"} <= {path.stem for path in FILES}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_readme_quotes_a_result_as_its_file_has_it(path: Path) -> None:
    found = json.loads(path.read_text())
    error = f"{100 * found['last']['val']['top1_err']:.2f}%"
    text = (ROOT / "README.md").read_text()
    lines = [line for line in text.splitlines() if f"training/{path.name}" in line]
    assert len(lines) == 1
    assert error in lines[0]
    assert f"{found['seconds']:.0f} s" in lines[0]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_result_says_how_to_repeat_it(path: Path) -> None:
    found = json.loads(path.read_text())
    assert found["command"].startswith("alexcli train")
    assert found["on"]["packages"]["torch"]
    assert found["on"]["git"]["dirty"] is False


@pytest.mark.parametrize("path", DATA, ids=lambda path: path.stem)
def test_the_readme_quotes_the_data_path_as_it_was_measured(path: Path) -> None:
    found = json.loads(path.read_text())
    rows = {(row["name"], row["against"]): row for row in found["results"]}
    text = (ROOT / "README.md").read_text()
    (line,) = [line for line in text.splitlines() if f"data/{path.name}" in line]
    assert f" {rows['imagefolder', None]['value']:.0f} " in line
    for name in ("data/jpeg", "data/raw"):
        row = rows[name, "imagefolder"]
        assert f" {row['value']:,.0f} ({row['ratio_median']:.1f} x) " in line
    assert found["command"].startswith("alexcli bench data")
    assert found["on"]["git"]["dirty"] is False


@pytest.mark.parametrize("path", PREPARED, ids=lambda path: path.stem)
def test_the_readme_quotes_how_fast_prepare_is_as_it_was_measured(path: Path) -> None:
    found = json.loads(path.read_text())
    rows = {row["name"]: row for row in found["results"] if row["against"] == "2_cores"}
    said = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    going, whole = rows["data/prepare/going"], rows["data/prepare"]
    least, most = going["ratio_min"], going["ratio_max"]
    link = f"[{path.name}](results/data/{path.name})"
    quoted = f"at {going['ratio_median']:.2f} ({least:.2f} to {most:.2f}; {link})"
    assert quoted in said
    assert f"at {whole['ratio_median']:.2f} with its start" in said.partition(quoted)[2][:150]
    assert found["command"].startswith("python -m tests.bench.prepare")
    assert found["on"]["git"]["dirty"] is False


ABLATIONS = sorted((ROOT / "results" / "ablations").glob("*.json"))


def test_every_study_that_has_arms_of_its_own_was_run() -> None:
    file_is_enough = {"activations", "width", "batch_norm"}
    assert {path.stem for path in ABLATIONS} >= set(choices(STUDIES)) - file_is_enough


@pytest.mark.parametrize("path", ABLATIONS, ids=lambda path: path.stem)
def test_the_readme_quotes_an_ablation_as_it_was_measured(path: Path) -> None:
    found = json.loads(path.read_text())
    assert found["on"]["git"]["dirty"] is False
    assert found["missing"] == 0
    lines = (ROOT / "README.md").read_text().splitlines()
    for arm in found["arms"][1:]:
        assert all(arm["values"]["top1_err"].values()), "every arm was really run"
        (row,) = [one for one in arm["differences"] if one["metric"] == found["metric"]]
        (line,) = [line for line in lines if f"({path.stem}.json)" in line.replace(
            "results/ablations/", "") and f" {arm['name']} " in line]  # fmt: skip
        assert f" {row['seeds']} | " in line
        assert row["verdict"] in line
        if row["mean"] is not None:
            ratio = found["metric"] == "epochs"
            assert (f"{row['mean']:.2f} times" if ratio else f"{100 * row['mean']:+.2f}") in line


def test_the_readme_quotes_speeds_as_they_were_measured() -> None:
    lines = (ROOT / "README.md").read_text().splitlines()
    quoted = [line for line in lines if line.startswith("|") and "](results/speed/" in line]
    assert len(quoted) >= 10
    for line in quoted:
        name, _, against, ratio, file = (cell.strip() for cell in line.strip("|").split("|"))
        found = json.loads((ROOT / file.partition("](")[2].rstrip(")")).read_text())
        assert found["on"]["git"]["dirty"] is False
        (row,) = [r for r in found["results"] if (r["name"], r["against"]) == (name, against)]
        assert ratio.split()[0] == f"{row['ratio_median']:.2f}"


def test_the_readme_says_where_the_time_of_a_step_goes_as_it_was_measured() -> None:
    rows = json.loads((ROOT / "results/speed/profile.json").read_text())["results"]
    spent = {(row["net"], row["pass"]): row["ms"] for row in rows}
    ours, step = spent["ours", "forward"], spent["ours", "training"]
    layers = sum(ms for name, ms in ours.items() if not name.endswith("norm"))
    norms = sum(ms for name, ms in ours.items() if name.endswith("norm"))
    whole, norm = sum(step.values()), step["response norm"]
    theirs, stepped = (sum(spent["torchvision", kind].values()) for kind in ("forward", "training"))
    said = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    assert f"of the {layers:.0f} ms of a forward pass of 64 pictures {norms:.0f} are norm" in said
    assert f"the other {layers - norms:.0f} stand against {theirs:.0f}," in said
    assert f"of a training step of {whole:,.0f} ms {norm:.0f} are norm" in said
    assert f"the other {whole - norm:,.0f} stand against {stepped:,.0f} " in said
