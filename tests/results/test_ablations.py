"""Studies: what the README says was measured, against the files that `ablate` wrote."""

from pathlib import Path

import pytest

from alexcli.config.files import STUDIES, choices
from tests.results.readme import RESULTS, read, readme

FILES = sorted((RESULTS / "ablations").glob("*.json"))
NOT_RUN = {"activations", "width", "batch_norm"}
"""Studies of which the file is enough."""


def test_every_study_that_has_arms_of_its_own_was_run() -> None:
    assert {path.stem for path in FILES} >= set(choices(STUDIES)) - NOT_RUN


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_readme_quotes_an_ablation_as_it_was_measured(path: Path) -> None:
    study = read(path)
    assert study["missing"] == 0
    lines = [
        line
        for line in readme().splitlines()
        if f"({path.stem}.json)" in line.replace("results/ablations/", "")
    ]
    for arm in study["arms"][1:]:
        assert all(arm["values"]["top1_err"].values()), "every arm was really run"
        (row,) = [row for row in arm["differences"] if row["metric"] == study["metric"]]
        (line,) = [line for line in lines if f" {arm['name']} " in line]
        assert f" {row['seeds']} | " in line
        assert row["verdict"] in line
        if row["mean"] is None:
            continue
        if study["metric"] == "epochs":
            assert f"{row['mean']:.2f} times" in line
        else:
            assert f"{100 * row['mean']:+.2f}" in line
