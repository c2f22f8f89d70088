"""What the finished runs of a study show."""

import shlex
from pathlib import Path

import pytest

from alexcli.ablation.plan import Ablation
from alexcli.ablation.results import study_results
from alexcli.ablation.values import arm_values
from alexcli.config.compose import compose
from alexcli.errors import UsageError
from alexcli.render.studies import study_table
from alexcli.reporter import NullReporter
from alexcli.run.evaluate import evaluate
from alexcli.run.find import newest
from alexcli.run.train import train
from alexcli.schema import Metric, TrainSpec
from tests.ablation.finished import finish
from tests.conftest import SMALL


def test_results_are_read_out_of_the_runs_and_an_unfinished_one_is_counted() -> None:
    ablation = Ablation(["lrn"], SMALL, 3)
    errors = {
        ("baseline", 0): 0.10,
        ("baseline", 1): 0.12,
        ("baseline", 2): 0.11,
        ("without", 0): 0.13,
        ("without", 1): 0.14,
    }
    for job in ablation.jobs():
        error = errors.get((job.name.partition("/")[2], job.spec.seed))
        if error is not None:
            finish(job, error)
    (study,) = study_results(ablation, NullReporter())
    difference = study.arms[1].differences[0]
    assert difference.mean == pytest.approx(0.025)
    assert difference.seeds == 2
    assert (difference.paper, difference.notes) == (0.014, 0.0137)
    assert study.missing == 1
    assert (study.n, study.split) == (50, "test")
    assert study.setting == "tiny, 150 images of 10 classes (synthetic), 2 epochs"
    assert study.arms[1].changes == ["model.norm: lrn -> none"]
    assert study.arms[1].command.startswith("alexcli train optim.epochs=2")


@pytest.mark.parametrize(
    ("name", "setting"),
    [
        ("relu", []),
        ("towers", []),
        ("bias_init", []),
        ("recipe", []),
        ("schedule", ["model=tiny", "optim=code_145"]),
    ],
)
def test_the_command_of_an_arm_can_be_typed_as_it_stands(name: str, setting: list[str]) -> None:
    ablation = Ablation([name], setting, 1)
    (study,) = ablation.studies
    (result,) = study_results(ablation, NullReporter())
    for arm, arm_result in zip(study.arms, result.arms, strict=True):
        program, command, *overrides = shlex.split(arm_result.command)
        assert (program, command) == ("alexcli", "train")
        assert compose(overrides, TrainSpec) == arm.spec


def test_the_setting_says_one_epoch_in_the_singular() -> None:
    (study,) = study_results(Ablation(["lrn"], [*SMALL, "optim.epochs=1"], 1), NullReporter())
    assert study.setting == "tiny, 150 images of 10 classes (synthetic), 1 epoch"


def test_the_setting_says_bf16() -> None:
    overrides = [*SMALL, "trainer.precision=bf16"]
    (study,) = study_results(Ablation(["lrn"], overrides, 1), NullReporter())
    assert study.setting.endswith("2 epochs, bf16")


def test_an_arm_is_nobodys_newest_run() -> None:
    ablation = Ablation(["lrn"], SMALL, 1)
    for job in ablation.jobs():
        finish(job, 0.1)
    with pytest.raises(UsageError, match="no finished run"):
        newest(Path("runs"))


def test_ten_views_and_ensembles_are_those_of_evaluate() -> None:
    ablation = Ablation(["ten_crop"], SMALL, 2)
    for job in ablation.jobs():
        train(job.spec, NullReporter(), overrides=job.overrides)
    (ten,) = study_results(ablation, NullReporter())
    runs = [(job.run, job.run.last) for job in ablation.jobs()]
    expected = evaluate(runs, NullReporter(), split="test", protocols=["center", "ten"]).results
    ten_views = [row for row in expected if row.protocol["views"] == 10 and not row.members]
    assert list(ten.arms[1].values["top1_err"].values()) == [row.top1_err for row in ten_views]
    center = [row for row in expected if row.protocol["views"] == 1 and not row.members]
    assert list(ten.arms[0].values["top1_err"].values()) == [row.top1_err for row in center]


def test_an_ensemble_is_compared_with_the_mean_of_its_nets(monkeypatch: pytest.MonkeyPatch) -> None:
    ablation = Ablation(["ensemble"], SMALL, 2)
    errors = [0.10, 0.12, 0.14, 0.16, 0.18, 0.30, 0.30, 0.30, 0.30, 0.40]
    for job in ablation.jobs():
        finish(job, errors[job.spec.seed])
    averaged = iter([0.13, 0.29])

    def evaluated(*_: object) -> dict[Metric, float | None]:
        return {Metric.top1_err: next(averaged), Metric.top5_err: 0.0}

    monkeypatch.setattr("alexcli.ablation.values._evaluated", evaluated)
    (study,) = study_results(ablation, NullReporter())
    difference = study.arms[1].differences[0]
    assert difference.by_seed == pytest.approx([0.13 - 0.14, 0.29 - 0.32])
    assert (difference.seeds, difference.mean) == (2, pytest.approx(-0.02))


def test_nets_that_did_not_learn_are_named() -> None:
    ablation = Ablation(["lrn"], SMALL, 3)
    for job in ablation.jobs():
        guesses = job.name == "lrn/without" and job.spec.seed == 1
        finish(job, 0.9 if guesses else 0.1)
    (study,) = study_results(ablation, NullReporter())
    assert [arm.not_learned for arm in study.arms] == [[], [1]]
    assert "without: 1 of 3 nets did not learn (seeds 1)" in (study_table(study).note or "")


def test_a_run_without_a_test_error_is_evaluated_and_remembers_it() -> None:
    ablation = Ablation(["lrn"], [*SMALL, "eval.test_at_end=false"], 1)
    for job in ablation.jobs():
        train(job.spec, NullReporter(), overrides=job.overrides)
    baseline = ablation.jobs()[0].run
    assert "test" not in (baseline.result() or {})
    (study,) = study_results(ablation, NullReporter())
    remembered = (baseline.result() or {})["test"]
    assert study.arms[0].values["top1_err"] == {0: remembered["top1_err"]}
    assert remembered["n"] == 50


def test_a_run_that_measured_fewer_test_images_is_evaluated_on_those_of_the_study() -> None:
    (job,) = Ablation(["ten_crop"], [*SMALL, "data.test_count=20"], 1, "plain").jobs()
    train(job.spec, NullReporter(), overrides=job.overrides)
    job.run.add_to_result("test", {"top1_err": 0.15, "top5_err": 0.05, "n": 20})
    before = job.run.result()
    ablation = Ablation(["ten_crop", "lrn"], SMALL, 1, "plain")
    assert ablation.jobs()[0].finished
    ten_crop, _ = study_results(ablation, NullReporter())
    expected = evaluate(
        [(job.run, job.run.last)],
        NullReporter(),
        split="test",
        protocols=["center", "ten"],
        overrides=["data.test_count=50"],
    ).results
    assert [row.n for row in expected] == [50, 50]
    center, ten = (row.top1_err for row in expected)
    assert [arm.values["top1_err"] for arm in ten_crop.arms] == [{0: center}, {0: ten}]
    lrn = ablation.studies[1]
    assert arm_values(ablation, lrn, lrn.baseline)[0][Metric.top1_err] == center
    assert job.run.result() == before, "the run keeps what it measured"
