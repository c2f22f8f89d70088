"""Compositions with changes of single keys."""

import re

import pytest

from alexcli.config.compose import compose
from alexcli.config.overridden import compose_overridden
from alexcli.errors import UsageError
from alexcli.schema import AnalyzeSpec, PrepareSpec, ScheduleUnit, TrainSpec


@pytest.mark.parametrize(
    "overrides", [[], ["experiment=null"], ["experiment=cifar_18", "data=folder"], ["model=tiny"]]
)
def test_without_changes_it_is_what_the_files_say(overrides: list[str]) -> None:
    assert compose_overridden(overrides, TrainSpec) == compose(overrides, TrainSpec)


def test_changes_are_made_in_order_whatever_stands_between_them() -> None:
    spec = compose_overridden(["seed=1", "model=tiny", "model.width=0.5", "seed=2"], TrainSpec)
    assert spec.seed == 2
    assert spec.model.width == 0.5
    assert spec.label == "quickstart"


def test_a_quoted_choice_is_a_choice() -> None:
    assert compose_overridden(["model='tiny'"], AnalyzeSpec).model.name == "tiny"


def test_a_schema_without_groups_is_changed_too() -> None:
    assert compose_overridden(["size=64"], PrepareSpec) == PrepareSpec(size=64)


def test_a_change_leaves_the_next_composition_alone() -> None:
    expected = compose_overridden(["seed=1"], TrainSpec)
    assert compose_overridden(["model.layers.conv4=null", "seed=1"], TrainSpec) != expected
    assert compose_overridden(["seed=1"], TrainSpec) == expected


def test_keys_of_a_schedule_count_wherever_its_kind_is_typed() -> None:
    words = ["optim.groups.weights.lr.per=step", "optim.groups.weights.lr.kind=dexp"]
    lrs = []
    for overrides in (words, words[::-1]):
        weights = compose_overridden(overrides, TrainSpec).optim.groups["weights"]
        assert weights is not None
        lrs.append(weights.lr)
    assert lrs[0] == lrs[1]
    assert lrs[0].per is ScheduleUnit.step


def test_several_loggers_stand_together_and_their_keys_can_be_changed() -> None:
    words = ["logger=[csv, mlflow]", "logger.project=mine"]
    logger = compose_overridden(words, TrainSpec).logger
    assert (logger.csv, logger.tensorboard, logger.mlflow) == (True, False, True)
    assert logger.project == "mine"


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("logger=[]", "does not choose one logger"),
        ("model=[alexnet,tiny]", "does not choose one model"),
        ("logger=[csv,tensorbord]", "logger='tensorbord' does not exist"),
    ],
)
def test_a_list_is_of_choices_that_exist_and_can_stand_together(word: str, message: str) -> None:
    with pytest.raises(UsageError, match=re.escape(message)):
        compose_overridden([word], TrainSpec)
