"""What is said of a key is what the schema has, and what composing does with it."""

import pytest

from alexcli.config.compose import compose
from alexcli.config.keys import SCHEMAS, Key, below, find, keys, named
from alexcli.config.mapping import flat
from alexcli.errors import UsageError
from alexcli.schema import TrainSpec

EVERY_KEY = [key for command in SCHEMAS for key in keys(command).values()]


@pytest.mark.parametrize("command", SCHEMAS)
def test_every_key_says_what_it_means_and_takes(command: str) -> None:
    for key in keys(command).values():
        assert key.meaning(), key.name
        assert bool(key.takes()) != key.is_section, key.name


def test_every_key_of_a_configuration_is_known() -> None:
    spec = compose(["experiment=cifar_11"], TrainSpec)
    for name in flat(spec):
        in_mapping = name.rpartition(".steps.")[0]  # epochs, which are no keys of the schema
        assert find(name) or find(f"{in_mapping}.steps"), name


def test_a_range_a_default_and_a_section_of_the_paper_are_those_of_the_schema() -> None:
    momentum = keys()["optim.momentum"]
    assert momentum.takes() == "a number at least 0 and below 1"
    assert momentum.default_text() == "0.9"
    assert momentum.paper_section() == "5"
    assert keys()["model.layers.NAME.filters"].takes() == "a whole number at least 1, or null"
    assert keys()["model.dropout.kind"].choices == ["test_scale", "inverted"]
    assert keys()["data.source"].default_text() == "(must be given)"
    assert keys("analyze")["bits"].default_text() == "[8,16,32,64,128]"


def test_a_section_is_that_of_the_paper_and_of_the_key() -> None:
    sections = {name: key.paper_section() for name, key in keys().items()}
    assert sections["model.lrn.beta"] == "3.3"  # which the docstring of its dataclass says
    assert sections["model.small_stem"] is None  # that of He et al. 2015
    assert sections["optim.label_smoothing"] is None


@pytest.mark.parametrize(
    "key",
    [key for key in EVERY_KEY if key.command == "train" and key.choices and "NAME" not in key.name],
    ids=lambda key: key.name,
)
def test_every_choice_can_be_typed(key: Key) -> None:
    from alexcli.config.overridden import compose_overridden

    for choice in key.choices[:2]:
        spec = compose_overridden([f"{key.name}={choice}"], TrainSpec)
        assert str(flat(spec)[key.name]).lower() == choice


def test_a_layer_of_any_name_is_one_key() -> None:
    assert find("model.layers.conv9.std") == keys()["model.layers.NAME.std"]
    assert find("model.layers.conv9.stdev") is None


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("optim.lr=0.1", "optim.lr"),
        ("lr", "optim.lr"),
        ("learning_rate", "optim.lr"),
        ("lrn", "model.lrn"),
        ("quality", "quality"),
    ],
)
def test_a_bare_or_former_word_means_its_key(word: str, name: str) -> None:
    assert named(word)[0] == name


def test_the_hint_for_an_unknown_key_names_the_nearest() -> None:
    with pytest.raises(UsageError, match=r"no key 'optim\.momentm'") as refused:
        named("optim.momentm")
    assert refused.value.hint is not None
    assert refused.value.hint.startswith("did you mean optim.momentum")
    with pytest.raises(UsageError) as refused:
        named("xyzzy")
    assert refused.value.hint == "alexcli config explain lists the top level"


def test_a_section_has_the_keys_below_it_at_any_depth() -> None:
    names = [key.name for key in below("model.pool")]
    assert names == ["model.pool.kind", "model.pool.size", "model.pool.stride"]
    assert {key.name for key in below("")} == {k.name for k in keys().values() if not k.is_section}
