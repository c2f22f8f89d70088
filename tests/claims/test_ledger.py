"""The ledger of claims."""

import re
import shlex

import pytest

from alexcli.ablation.study import read_study
from alexcli.claims.ledger import claims, find_claim, read_ledger
from alexcli.config.compose import compose
from alexcli.config.files import STUDIES, choices
from alexcli.config.overrides import parse
from alexcli.errors import UsageError
from alexcli.records.claim import Claim
from alexcli.render.claims import counts
from alexcli.schema import TrainSpec
from tests.cli.command_line import run_command

CLAIMS = claims()


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
                study, _, kind = file.partition("-")
                assert arm in read_study(study).arms
                assert kind in ("plain", "mechanism", "")


def test_the_claims_are_counted_by_where_they_were_measured() -> None:
    numbers = [int(number) for number in re.findall(r"\d+", counts(CLAIMS))]
    total, own, smaller, none = numbers
    assert total == len(CLAIMS) == own + smaller + none
    assert own >= 8


def test_an_unknown_claim_is_named() -> None:
    with pytest.raises(UsageError, match="does not exist"):
        find_claim("nothing")
    assert find_claim("neurons").paper == "650,000"
