"""Whether docs/runs.md and SECURITY.md say what was recorded."""

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
    counts = recorded["by_signal"]
    within = recorded["resumed_within_an_epoch"]
    signals = (
        f"{counts['KILL']} SIGKILL, {counts['TERM']} SIGTERM, {counts['INT']} SIGINT, "
        f"{counts['INT,INT']} SIGINT twice; {within} of them went on from within an epoch"
    )
    assert signals in " ".join((ROOT / "docs/runs.md").read_text().split())
    assert all(any(moment in attack for attack in recorded["equal"]) for moment in MOMENTS)


def test_what_checksums_cost_is_said_as_recorded() -> None:
    recorded = json.loads((ROOT / "results/reliability/checksums.json").read_text())
    shares = [epoch["comparing_alone_share"] for epoch in recorded["epochs"].values()]
    text = (ROOT / "docs/runs.md").read_text()
    assert f"All chunks took {shares[0]:.1%} of the time" in text
    assert f"and {shares[1]:.1%} of AlexNet's at a quarter" in text
    assert f"is {recorded['checkpoint']['comparing_alone_seconds']:.2f} s of reading" in text


def test_faults_that_were_injected_are_counted_as_recorded() -> None:
    recorded = json.loads((ROOT / "results/reliability/faults.json").read_text())
    text = " ".join((ROOT / "docs/runs.md").read_text().split())
    sentence = (
        f"Of {recorded['injected']} faults {recorded['refused']} were refused with a message, "
        f"{recorded['repaired']} repaired to the bit, {recorded['rows_left_out']} cost rows"
    )
    assert sentence in text
    assert f"and {recorded['used_unnoticed']} were used unnoticed" in text
    assert recorded["used_unnoticed"] == 0


def test_inputs_that_were_fuzzed_are_counted_as_recorded() -> None:
    recorded = json.loads((ROOT / "results/reliability/fuzz.json").read_text())
    assert not recorded["failures"]
    kinds = recorded["kinds"]
    assert sum(sum(outcomes.values()) for outcomes in kinds.values()) == recorded["inputs"]
    sentence = f"{recorded['inputs']:,} inputs of {len(kinds)} kinds ended in nothing else"
    assert sentence in (ROOT / "SECURITY.md").read_text()
