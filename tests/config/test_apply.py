"""Setting and removing keys."""

from typing import Any

import pytest
from omegaconf import OmegaConf

from alexcli.config.apply import apply_override
from alexcli.config.overrides import parse
from alexcli.errors import UsageError
from alexcli.schema import AnalyzeSpec, GroupSpec, OptimSpec, Schedule, ScheduleSpec, ScheduleUnit


def changed(override: str) -> Any:
    """A learning rule with one group of parameters after an override."""
    group = GroupSpec(pattern="*")
    group.lr.steps = {3: 0.5}
    config = OmegaConf.structured(OptimSpec(groups={"weights": group}))
    (parsed,) = parse([override])
    return OmegaConf.to_object(apply_override(config, parsed))


def test_a_key_is_set_to_a_value_of_its_type() -> None:
    assert changed("epochs=7").epochs == 7
    lr = changed("lr=1").lr
    assert lr == 1.0
    assert isinstance(lr, float)


def test_an_entry_of_a_mapping_is_added_and_removed() -> None:
    assert list(changed("groups.bias.pattern=b").groups) == ["weights", "bias"]
    assert changed("groups.weights=null").groups == {"weights": None}
    assert changed("~groups.weights").groups == {"weights": None}


@pytest.mark.parametrize("override", ["groups.weigths=null", "~groups.weigths"])
def test_an_entry_that_is_not_there_cannot_be_removed(override: str) -> None:
    with pytest.raises(UsageError, match="removes nothing: groups has weights") as caught:
        changed(override)
    assert caught.value.hint == "did you mean groups.weights=null?"


def test_steps_are_replaced_as_a_whole() -> None:
    assert changed("groups.weights.lr.steps={5: 0.1}").groups["weights"].lr.steps == {5: 0.1}


def test_a_number_of_the_same_name_is_set() -> None:
    (parsed,) = parse(["range_test.steps=10"])
    config = apply_override(OmegaConf.structured(AnalyzeSpec), parsed)
    assert config.range_test.steps == 10


@pytest.mark.parametrize(
    ("override", "message"),
    [("epocs=3", "unknown key 'epocs'"), ("lr=x", "lr: Value 'x'"), ("lr=???", "lr has no value")],
)
def test_what_cannot_be_set_is_refused(override: str, message: str) -> None:
    with pytest.raises(UsageError, match=message.replace("?", r"\?")):
        changed(override)


def changed_cosine(*overrides: str) -> Any:
    """The learning rate of a group that had a cosine per step, after overrides."""
    group = GroupSpec(pattern="*")
    group.lr = ScheduleSpec(kind=Schedule.cosine, base=2, per=ScheduleUnit.step)
    config = OmegaConf.structured(OptimSpec(groups={"weights": group}))
    for parsed in parse(overrides):
        config = apply_override(config, parsed)
    return OmegaConf.to_object(config).groups["weights"].lr


@pytest.mark.parametrize(
    "override",
    [
        "groups.weights.lr={kind: steps}",
        "groups.weights.lr.kind=steps",
        "groups.weights={lr: {kind: steps}}",
        "groups={weights: {lr: {kind: steps}}}",
    ],
)
def test_another_kind_of_schedule_keeps_no_key_of_the_old_kind(override: str) -> None:
    assert changed_cosine(override) == ScheduleSpec(kind=Schedule.steps, base=2)


def test_the_same_kind_again_changes_only_what_is_typed() -> None:
    lr = changed_cosine("groups.weights.lr={kind: cosine, base: 3}")
    assert (lr.base, lr.per) == (3, ScheduleUnit.step)


def test_typed_keys_of_the_new_kind_count() -> None:
    lr = changed_cosine("groups.weights.lr={kind: steps, steps: {2: 0.1}, per: step}")
    assert (lr.steps, lr.per) == ({2: 0.1}, ScheduleUnit.step)
