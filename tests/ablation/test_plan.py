"""The trainings that studies need."""

from pathlib import Path

import pytest

from alexcli.ablation.estimate import PILOT
from alexcli.ablation.plan import Ablation
from alexcli.config.overrides import parse
from alexcli.errors import UsageError
from alexcli.reporter import NullReporter
from alexcli.run.train import train
from tests.ablation.finished import finish, save_initial_weights
from tests.conftest import SMALL


def _ablation(*names: str, seeds: int = 2) -> Ablation:
    return Ablation(names, SMALL, seeds, "plain")


def test_studies_share_their_baseline() -> None:
    planned = [(job.name, job.spec.seed) for job in _ablation("lrn", "batch_norm").jobs()]
    arms = ("lrn/baseline", "lrn/without", "batch_norm/batch_norm")
    assert planned == [(arm, seed) for seed in (0, 1) for arm in arms]


def test_a_shared_baseline_makes_the_passes_that_any_study_needs() -> None:
    path = Path("conf/ablation/fit.yaml")
    path.parent.mkdir(parents=True)
    path.write_text(
        "# Fit\nclaim: none\nbaseline: {trainer.train_eval: true}\n"
        "arms: {none: {change: {optim.weight_decay: 0}}}\n"
    )
    for names in (("lrn", "fit"), ("fit", "lrn")):
        baselines = [job for job in _ablation(*names).jobs() if job.name.endswith("/baseline")]
        assert [job.spec.trainer.train_eval for job in baselines] == [True, True], names


def test_a_run_of_train_is_a_baseline() -> None:
    job = _ablation("lrn").jobs()[0]
    result = train(job.spec, NullReporter())
    assert result.directory == str(job.run.path)
    assert _ablation("lrn").jobs()[0].finished


def test_the_command_of_a_study_names_the_arms_that_were_chosen() -> None:
    command = _ablation("lrn", "depth/no_conv3").command("depth")
    assert command.startswith("alexcli ablate depth/no_conv3 ")
    assert command.endswith("--seeds=2 --setting=plain")


def test_a_study_is_named_once() -> None:
    with pytest.raises(UsageError, match="depth/no_conv3 and depth are the same study") as caught:
        _ablation("depth/no_conv3", "depth")
    assert "depth/ARM,ARM" in str(caught.value.hint)


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


def test_a_source_in_a_folder_of_any_name_is_passed_on() -> None:
    overrides = [word for word in SMALL if not word.startswith("data.")]
    ablation = Ablation(["pretraining"], [*overrides, "runs='a (1), [b]=c'"], 1)
    source = ablation.jobs()[0]
    finish(source, 0.1)
    save_initial_weights(source)
    (word,) = (word for word in ablation.jobs()[-1].command() if word.startswith("init_from="))
    (override,) = parse([word])
    assert override.value() == str(source.run.path)
    assert "a (1), [b]=c" in str(source.run.path)


def test_automatic_seeds_begin_with_a_pilot_and_those_that_are_finished() -> None:
    ablation = Ablation(["lrn"], SMALL, None)
    (study,) = ablation.studies
    assert len(ablation.jobs()) == 2 * PILOT
    ablation.add_seeds(study, study.arms[1], PILOT + 2)
    for job in ablation.jobs():
        finish(job, 0.1)
    again = Ablation(["lrn"], SMALL, None)
    assert len(again.jobs()) == 2 * PILOT
    again.add_finished_seeds()
    assert list(again.seeds(study, study.baseline)) == list(range(PILOT + 2))


def test_a_number_of_seeds_stays_what_it_is() -> None:
    ablation = _ablation("lrn", seeds=1)
    for job in _ablation("lrn", seeds=3).jobs():
        finish(job, 0.1)
    ablation.add_finished_seeds()
    assert len(ablation.jobs()) == 2


def test_seeds_are_added_to_one_arm_and_to_its_baseline() -> None:
    ablation = _ablation("towers", seeds=2)
    (study,) = ablation.studies
    ablation.add_seeds(study, study.arms[2], 4)
    counts = {arm.name: len(ablation.seeds(study, arm)) for arm in study.arms}
    assert counts == {"baseline": 4, "one_tower": 2, "no_communication": 4}


def test_an_ensemble_takes_several_nets_for_a_value() -> None:
    ablation = Ablation(["ensemble"], SMALL, 2)
    assert len(ablation.jobs()) == 10, "two groups of five"
