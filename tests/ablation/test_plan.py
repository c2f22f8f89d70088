"""The trainings that studies need."""

from pathlib import Path

from alexcli.ablation.plan import Ablation, train_all
from alexcli.reporter import NullReporter
from alexcli.run.train import train
from tests.ablation.finished import finish, save_initial_weights
from tests.conftest import SMALL


def _ablation(*names: str, seeds: int = 2) -> Ablation:
    return Ablation(names, SMALL, seeds)


def test_studies_share_their_baseline() -> None:
    planned = [(job.name, job.spec.seed) for job in _ablation("lrn", "pooling").jobs()]
    arms = ("lrn/baseline", "lrn/without", "pooling/non_overlapping")
    assert planned == [(arm, seed) for seed in (0, 1) for arm in arms]


def test_a_run_of_train_is_a_baseline() -> None:
    job = _ablation("lrn").jobs()[0]
    result = train(job.spec, NullReporter())
    assert result.directory == str(job.run.path)
    assert _ablation("lrn").jobs()[0].finished


def test_an_arm_has_a_folder_of_its_own() -> None:
    _, arm = _ablation("lrn", seeds=1).jobs()
    assert arm.run.path.parent == Path("runs/quickstart-lrn-without")


def test_an_arm_that_starts_from_a_trained_net_waits_for_it() -> None:
    overrides = [word for word in SMALL if not word.startswith("data.")]
    ablation = Ablation(["pretraining"], overrides, 1)
    source, baseline = ablation.jobs()
    assert (source.name, baseline.name) == ("pretraining/source", "pretraining/baseline")
    finish(source, 0.1)
    save_initial_weights(source)
    arms = [job for job in ablation.jobs() if job.name not in (source.name, baseline.name)]
    assert arms
    assert all(job.spec.init_from == str(source.run.path) for job in arms)
    assert all(f"init_from={source.run.path}" in job.command() for job in arms)


def test_nothing_is_trained_where_everything_is_finished() -> None:
    ablation = _ablation("lrn", seeds=1)
    for job in ablation.jobs():
        finish(job, 0.1)
    assert train_all(ablation, 2, NullReporter()) == []
