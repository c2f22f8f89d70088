"""The speed of the data path: what docs/data.md says, against the files that benchmarks wrote."""

from pathlib import Path

import pytest

from tests.results.pages import RESULTS, page, page_on_one_line, read

PREPARE_FILES = sorted((RESULTS / "data").glob("prepare_*.json"))
LOADING_FILES = sorted({*(RESULTS / "data").glob("*.json")} - {*PREPARE_FILES})


@pytest.mark.parametrize("path", LOADING_FILES, ids=lambda path: path.stem)
def test_the_page_quotes_the_data_path_as_it_was_measured(path: Path) -> None:
    content = read(path)
    rows = {(row["name"], row["against"]): row for row in content["results"]}
    (line,) = [line for line in page("data").splitlines() if f"data/{path.name}" in line]
    assert f" {rows['imagefolder', None]['value']:.0f} " in line
    for name in ("data/jpeg", "data/raw"):
        row = rows[name, "imagefolder"]
        assert f" {row['value']:,.0f} ({row['ratio_median']:.1f} x) " in line
    assert content["command"].startswith("alexcli bench data")


@pytest.mark.parametrize("path", PREPARE_FILES, ids=lambda path: path.stem)
def test_the_page_quotes_how_fast_prepare_is_as_it_was_measured(path: Path) -> None:
    content = read(path)
    rows = {row["name"]: row for row in content["results"] if row["against"] == "2_cores"}
    going = rows["data/prepare/going"]
    whole = rows["data/prepare"]
    span = f"{going['ratio_min']:.2f} to {going['ratio_max']:.2f}"
    link = f"[{path.name}](../results/data/{path.name})"
    quoted = f"at {going['ratio_median']:.2f} ({span}; {link})"
    before, _, after = page_on_one_line("data").partition(quoted)
    assert before
    assert f"at {whole['ratio_median']:.2f} with its start" in after[:150]
    assert content["command"].startswith("alexcli bench prepare")
