"""Studies: the files that `ablate` wrote."""

from pathlib import Path

import pytest

from alexcli.ablation.recorded import file_name, read_study_result
from tests.results.pages import RESULTS, read

FILES = sorted((RESULTS / "ablations").glob("*.json"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_arm_was_really_run(path: Path) -> None:
    record = read(path)
    assert record["missing"] == 0
    assert record["command"].startswith(f"alexcli ablate {record['name']}")
    study = read_study_result(path)
    assert file_name(study) == path.stem
    for arm in study.arms:
        assert all(arm.values["top1_err"].values())
