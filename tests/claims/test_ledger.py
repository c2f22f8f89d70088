"""The ledger of claims."""

import json
import re
import shlex

import pytest
import yaml

from alexcli.ablation.study import open_study, read_study
from alexcli.claims.ledger import claims, find_claim, read_ledger
from alexcli.claims.measured import days_of_a_training
from alexcli.claims.names import LEDGER
from alexcli.config.compose import compose
from alexcli.config.files import STUDIES, choices, results_dir
from alexcli.config.overrides import parse
from alexcli.errors import UsageError
from alexcli.records.claim import Claim
from alexcli.render.claims import counts
from alexcli.schema import TrainSpec
from tests.cli.command_line import run_command

CLAIMS = claims()


SEEDS = 4
"""Of a study whose cost is estimated."""


def test_trainings_are_those_of_four_seeds_of_the_study() -> None:
    for name, claim in read_ledger().claims.items():
        command, *words = shlex.split(claim.command)[1:]
        if command == "ablate" and claim.trainings:
            study = open_study(words[0], [word for word in words if "=" in word])
            trained = [arm for arm in study.arms if not arm.reuses_baseline_nets]
            trained += [arm.source for arm in study.arms[1:2] if arm.source]
            nets = max(arm.nets_per_value for arm in study.arms)
            assert claim.trainings == SEEDS * nets * len(trained), name
        if "experiment=ilsvrc" in claim.command and "preview" not in claim.command:
            assert claim.trainings, name


def test_the_cost_of_a_training_on_ilsvrc_is_what_the_time_of_a_step_says() -> None:
    result = json.loads((results_dir() / "speed/step.json").read_text())
    (days,) = (row["value"] for row in result["results"] if row["unit"] == "days")
    assert find_claim("cycles").cost.startswith(f"{days:.1f} days of 2 cores of ")
    assert find_claim("lrn").cost.startswith(f"{8 * days:.1f} days of 2 cores of ")
    assert f"(8 trainings of {days:.1f} days)" in find_claim("lrn").cost


def test_a_budget_holds_the_trainings_that_the_cost_names() -> None:
    days_of_one, _ = days_of_a_training()
    for name, claim in read_ledger().claims.items():
        budget = re.search(r"--budget (\d+)d", claim.command)
        if budget:
            assert int(budget[1]) >= claim.trainings * days_of_one, name


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.name)
def test_every_claim_has_a_number_and_a_command_that_exists(claim: Claim) -> None:
    assert claim.paper or claim.notes
    assert claim.section
    assert claim.claim
    assert claim.cost
    program, command, *words = shlex.split(claim.command)
    assert program == "alexcli"
    assert run_command(command, "--help").code == 0
    overrides = [word for word in words if "=" in word]
    assert len(parse(overrides)) == len(overrides)
    if command == "train":
        compose(overrides, TrainSpec)
    if command == "ablate":
        study, _, arm = words[0].partition("/")
        assert study in choices(STUDIES)
        assert arm in ("", *read_study(study).arms)


def test_the_evidence_of_studies_names_arms_that_exist() -> None:
    for spec in read_ledger().claims.values():
        for evidence in spec.evidence:
            if evidence.study is not None:
                file, arm = evidence.study.split("/")
                study, _, setting = file.partition("-")
                assert arm in read_study(study).arms
                assert setting in ("plain", "mechanism", *choices("experiment"))


def test_the_claims_are_counted_by_where_they_were_measured() -> None:
    numbers = [int(number) for number in re.findall(r"\d+", counts(CLAIMS))]
    total, own, smaller, none = numbers
    assert total == len(CLAIMS) == own + smaller + none
    assert own >= 8


def test_the_readme_counts_the_claims() -> None:
    readme = (results_dir().parent / "README.md").read_text(encoding="utf-8")
    assert f"| **{len(CLAIMS)}** | statements of the paper" in readme


def test_an_unknown_claim_is_named() -> None:
    with pytest.raises(UsageError, match="does not exist"):
        find_claim("nothing")
    assert find_claim("neurons").paper == "650,000"


def test_no_note_is_cut_off_at_its_number() -> None:
    """Yaml takes ` #148` outside of quotes for a comment, and drops it with what follows."""
    text = LEDGER.read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    typed = re.findall(r"#\d+", "\n".join(lines))
    assert typed
    assert len(re.findall(r"#\d+", str(yaml.safe_load(text)))) == len(typed)
