"""What an ablation found."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from alexcli.ablation.recorded import ADDED, read_study_result

RESULTS = Path(__file__).parents[2] / "results" / "ablations"
FILES = sorted(RESULTS.glob("*.json"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_fields_are_those_of_the_recorded_studies(path: Path) -> None:
    record = json.loads(path.read_text(encoding="utf-8"))
    for addition in ADDED:
        del record[addition]
    expected = {"reused": []} | record  # a field that the first records did not have
    assert json.loads(json.dumps(asdict(read_study_result(path)))) == expected
