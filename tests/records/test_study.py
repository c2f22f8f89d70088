"""What an ablation found."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from alexcli.records.study import ArmResult, Difference, StudyResult

RESULTS = Path(__file__).parents[2] / "results" / "ablations"
FILES = sorted(RESULTS.glob("*.json"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_fields_are_those_of_the_recorded_studies(path: Path) -> None:
    record = json.loads(path.read_text(encoding="utf-8"))
    for addition in ("command", "on"):
        del record[addition]
    arms = [
        ArmResult(**{**arm, "differences": [Difference(**gap) for gap in arm["differences"]]})
        for arm in record["arms"]
    ]
    study = StudyResult(**{**record, "arms": arms})
    assert json.loads(json.dumps(asdict(study))) == record
