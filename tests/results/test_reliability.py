"""Whether docs/runs.md says of interrupted trainings what was recorded."""

import json
from pathlib import Path

ROOT = Path(__file__).parents[2]
MOMENTS = ("step", "validation", "checkpoint", "small file", "random", "placement")


def test_trainings_that_were_interrupted_are_counted_as_recorded() -> None:
    recorded = json.loads((ROOT / "results/reliability/kills.json").read_text())
    equal = sum(recorded["equal"].values())
    assert equal + len(recorded["differing"]) == recorded["interrupted"]
    sentence = f"Of {recorded['interrupted']} interrupted trainings {equal} ended equal to the bit"
    assert sentence in (ROOT / "docs/runs.md").read_text()
    assert all(any(moment in attack for attack in recorded["equal"]) for moment in MOMENTS)
