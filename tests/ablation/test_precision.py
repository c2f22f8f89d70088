"""The precision that a study aims at."""

import math

import pytest

from alexcli.ablation.plan import Ablation
from alexcli.ablation.precision import AutoSeeds, missing_seeds, reached_precision
from tests.ablation.finished import finish
from tests.conftest import SMALL

DEVIATIONS = [0.0, 0.03, -0.02, 0.01]


def _ablation(name: str = "lrn") -> Ablation:
    ablation = Ablation([name], SMALL, None)
    for job in ablation.jobs():
        is_baseline = job.name.endswith("/baseline")
        finish(job, 0.1 if is_baseline else 0.12 + DEVIATIONS[job.spec.seed])
    return ablation


@pytest.mark.parametrize(("typed", "expected"), [(None, 0.005), (0.02, 0.02)])
def test_the_typed_precision_comes_before_the_default(typed: float, expected: float) -> None:
    (study,) = Ablation(["lrn"], SMALL, None).studies
    assert AutoSeeds(precision=typed).half_width(study) == expected


def test_a_study_may_state_its_own_precision() -> None:
    (study,) = Ablation(["depth"], SMALL, None, "plain").studies
    assert AutoSeeds().half_width(study) == 0.01
    assert AutoSeeds(precision=0.003).half_width(study) == 0.003


def test_ratios_have_a_precision_of_their_own() -> None:
    (study,) = Ablation(["bias_init"], SMALL, None).studies
    assert AutoSeeds(precision=0.003).half_width(study) == pytest.approx(math.log(1.1))


def test_what_is_missing_is_told_in_seeds_and_minutes() -> None:
    ablation = _ablation()
    (study,) = ablation.studies
    auto = AutoSeeds(precision=0.01)
    lacking = missing_seeds(ablation, study, study.arms[1], auto)
    assert lacking > 10
    precision = reached_precision(ablation, study, auto, parallel=2)
    assert precision.wanted == 0.01
    assert precision.reached is not None
    assert precision.reached > 0.03
    assert precision.seeds_wanted == 4 + lacking
    assert precision.minutes_wanted == pytest.approx(2 * lacking / 60 / 2), "a second each"


def test_where_nothing_is_missing_nothing_is_told() -> None:
    ablation = _ablation()
    (study,) = ablation.studies
    precision = reached_precision(ablation, study, AutoSeeds(precision=0.3), parallel=2)
    assert (precision.seeds_wanted, precision.minutes_wanted) == (None, None)
