"""Studies: the table of the README, against the files that `ablate` wrote."""

import pytest

from alexcli.ablation.recorded import file_name, read_studies
from alexcli.records.study import StudyResult
from alexcli.render.studies import overview
from alexcli.render.tables import Format, render
from tests.results.readme import RESULTS, readme

STUDIES = read_studies(RESULTS / "ablations")


def test_the_readme_shows_what_was_measured() -> None:
    """Made by: alexcli ablate --recorded results/ablations --format md."""
    assert render(overview(STUDIES), Format.md).strip() in readme()


@pytest.mark.parametrize("study", STUDIES, ids=file_name)
def test_every_arm_was_really_run(study: StudyResult) -> None:
    assert study.missing == 0
    for arm in study.arms:
        assert all(arm.values["top1_err"].values())
