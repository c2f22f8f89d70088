"""Training a fixed number of seeds, or as many as a precision takes."""

from collections.abc import Iterator

import pytest

from alexcli.ablation import training
from alexcli.ablation.estimate import PILOT
from alexcli.ablation.jobs import Job
from alexcli.ablation.plan import Ablation
from alexcli.ablation.precision import AutoSeeds
from alexcli.ablation.results import study_results
from alexcli.ablation.training import Budget, train_all, train_until_precise
from alexcli.errors import UsageError
from alexcli.reporter import NullReporter
from tests.ablation.finished import finish
from tests.bench.notes import NoteList
from tests.conftest import SMALL

SPREAD = [0.0, 0.02, -0.02, 0.01, -0.01, 0.0, 0.01, -0.01]
"""What the errors of an arm differ by from seed to seed, over and over."""


@pytest.fixture(autouse=True)
def _trained_in_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Jobs are finished at once: the arm is worse by two points, give or take SPREAD."""

    def train(job: Job, *_: object) -> None:
        seed = job.spec.seed
        deviation = 0.0 if job.name.endswith("/baseline") else 0.02 + SPREAD[seed % len(SPREAD)]
        finish(job, 0.1 + 0.001 * seed + deviation)

    monkeypatch.setattr(Job, "train", train)
    monkeypatch.setattr(training, "seconds_per_epoch", lambda _: 30.0)


def _seeds(ablation: Ablation) -> int:
    return len(ablation.jobs()) // 2


def test_one_seed_of_each_arm_is_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    timed = []
    monkeypatch.setattr(training, "seconds_per_epoch", lambda spec: timed.append(spec) or 30.0)
    seconds = training.seconds_of_trainings(Ablation(["lrn"], SMALL, 3).jobs())
    assert seconds == {"lrn/baseline": 60, "lrn/without": 60}, "two epochs each"
    assert len(timed) == 2


def test_nothing_is_trained_where_everything_is_finished() -> None:
    ablation = Ablation(["lrn"], SMALL, 1)
    for job in ablation.jobs():
        finish(job, 0.1)
    assert train_all(ablation, 2, NullReporter()) == []


def test_seeds_are_added_until_the_interval_is_narrow() -> None:
    ablation = Ablation(["lrn"], SMALL, None)
    auto = AutoSeeds(precision=0.01)
    assert train_until_precise(ablation, auto, 1, NullReporter()) == []
    (study,) = study_results(ablation, NullReporter(), auto)
    difference = study.arms[1].differences[0]
    assert PILOT < difference.seeds < 30
    assert difference.low is not None
    assert difference.high is not None
    assert difference.high - difference.low <= 0.02
    assert study.precision is not None
    assert study.precision.reached == pytest.approx((difference.high - difference.low) / 2)
    assert study.precision.seeds_wanted is None


def test_a_precision_that_the_pilot_has_takes_no_more() -> None:
    ablation = Ablation(["lrn"], SMALL, None)
    train_until_precise(ablation, AutoSeeds(precision=0.2), 1, NullReporter())
    assert _seeds(ablation) == PILOT


def test_the_estimate_is_told_before_the_first_run() -> None:
    reporter = NoteList()
    ablation = Ablation(["lrn"], SMALL, None)
    train_until_precise(ablation, AutoSeeds(precision=0.2), 1, reporter)
    assert reporter.notes[0].startswith("8 trainings for the first 4 seeds, about 8 min of updates")
    assert "within 15 min in all" in reporter.notes[0]


def test_a_budget_shorter_than_the_pilot_is_refused_before_anything_runs() -> None:
    ablation = Ablation(["lrn"], SMALL, None)
    with pytest.raises(
        UsageError, match=r"take about 8 min here, and the budget is 5 min"
    ) as error:
        train_until_precise(ablation, AutoSeeds(minutes=5), 1, NullReporter())
    assert "--budget 12" in str(error.value.hint)
    assert not any(job.finished for job in ablation.jobs())


def test_a_budget_that_ends_is_told_with_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    answers: Iterator[bool] = iter([True] * 12 + [False] * 20)

    def may_start(budget: Budget) -> bool:
        budget.ended = not next(answers)
        return not budget.ended

    monkeypatch.setattr(Budget, "may_start", may_start)
    ablation = Ablation(["lrn"], SMALL, None)
    auto = AutoSeeds(precision=0.001)
    train_until_precise(ablation, auto, 1, NullReporter())
    (study,) = study_results(ablation, NullReporter(), auto, parallel=2)
    assert study.arms[1].differences[0].seeds == 6
    assert study.precision is not None
    assert study.precision.seeds_wanted is not None
    assert study.precision.seeds_wanted > 100
    assert study.precision.minutes_wanted is not None


def test_a_budget_leaves_out_what_would_end_too_late() -> None:
    budget = Budget(100)
    budget.seconds_per_training = 80
    assert budget.may_start()
    budget.seconds_per_training = 95
    assert not budget.may_start(), "a training may take a little longer than the last one"
    assert budget.ended


def test_a_budget_leaves_time_for_the_evaluations(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(training.time, "monotonic", lambda: now)
    budget = Budget(1000)
    budget.seconds_per_training = 100
    assert budget.may_start()
    assert budget.may_start()
    now = 200
    with budget.evaluations():
        now = 320
    assert budget.seconds_per_evaluation == 60
    now = 650
    assert [budget.may_start() for _ in range(5)] == [True, True, True, True, False]
    # 650 and 110 of the slowest training leave 240 s, which are four evaluations.
