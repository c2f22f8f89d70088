"""Trained nets: what docs/quickstart.md says was measured, against the files that `train` wrote."""

from pathlib import Path

import pytest

from tests.results.pages import RESULTS, page, read

FILES = sorted((RESULTS / "training").glob("*.json"))


def test_there_are_results() -> None:
    assert {path.stem for path in FILES} >= {"quickstart", "cifar_26", "imagenette"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_page_quotes_a_result_as_its_file_has_it(path: Path) -> None:
    result = read(path)
    (line,) = [line for line in page("quickstart").splitlines() if f"training/{path.name}" in line]
    assert f"{100 * result['last']['val']['top1_err']:.2f}%" in line
    assert f"{result['seconds']:.0f} s" in line


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_result_says_how_to_repeat_it(path: Path) -> None:
    result = read(path)
    assert result["command"].startswith("alexcli train")
    assert result["on"]["packages"]["torch"]
