"""Short and former keys are answered with the full key that is meant."""

from pathlib import Path
from typing import Any

import pytest

from alexcli.config.compose import compose
from alexcli.config.saved import from_mapping
from alexcli.config.suggestions import KnownKeys, full_key, suggest_choice, suggest_key
from alexcli.errors import UsageError
from alexcli.schema import AnalyzeSpec, TrainSpec


@pytest.mark.parametrize(
    ("override", "meant"),
    [
        ("lr=0.1", "optim.lr=0.1"),
        ("epochs=3", "optim.epochs=3"),
        ("batch_size=32", "optim.batch_size=32"),
        ("momentum=0.5", "optim.momentum=0.5"),
        ("width=0.5", "model.width=0.5"),
        ("classes=10", "model.classes=10"),
        ("workers=4", "data.workers=4"),
        ("size=64", "model.input.size=64"),
        ("dropout=0.3", "model.dropout.rate=0.3"),
        ("dropout.rate=0.3", "model.dropout.rate=0.3"),
        ("layers.conv1.bias=0", "model.layers.conv1.bias=0"),
        ("layers={conv4:null}", "model.layers={conv4:null}"),
        ("layers=[conv*]", "init.layers=[conv*]"),
        ("conv4=null", "model.layers.conv4=null"),
        ("~lr", "optim.lr"),
    ],
)
def test_a_short_key_is_answered_with_the_full_one(override: str, meant: str) -> None:
    assert _hint(override) == f"did you mean {meant}?"


@pytest.mark.parametrize(
    ("override", "meant"),
    [
        ("rate=0.1", "optim.lr=0.1"),
        ("optim.rate=0.1", "optim.lr=0.1"),
        ("optim.groups.weights.rate.base=2", "optim.groups.weights.lr.base=2"),
        ("optim.groups.weights.decay.base=2", "optim.groups.weights.weight_decay.base=2"),
        ("optim.groups.weights.decay={base:2}", "optim.groups.weights.weight_decay={base:2}"),
        ("optim.groups.new.rate.base=2", "optim.groups.new.lr.base=2"),
        ("model.trunk.conv1.bias=0", "model.layers.conv1.bias=0"),
        ("model.trunk.conv9.filters=3", "model.layers.conv9.filters=3"),
        ("model.trunk.conv4=null", "model.layers.conv4=null"),
        ("model.layers.conv3.sees=all_towers", "model.layers.conv3.reads=all_towers"),
        ("model.second_norm=false", "model.spatial_norm_enabled=false"),
        ("augment.mirror=false", "augment.horizontal_flip=false"),
        ("augment.shared=32", "augment.images_per_crop=32"),
        ("decay=0", "optim.weight_decay=0"),
        ("mirror=false", "augment.horizontal_flip=false"),
    ],
)
def test_a_former_key_is_answered_with_the_present_one(override: str, meant: str) -> None:
    assert _hint(override) == f"did you mean {meant}?"


@pytest.mark.parametrize(
    ("override", "meant"),
    [
        ("learning_rate=0.1", "optim.lr=0.1"),
        ("optimizer.lr=0.1", "optim.lr=0.1"),
        ("trainer.max_epochs=3", "optim.epochs=3"),
        ("model.num_classes=10", "model.classes=10"),
        ("data.num_workers=2", "data.workers=2"),
    ],
)
def test_the_name_of_another_tool_is_answered_with_ours(override: str, meant: str) -> None:
    assert _hint(override) == f"did you mean {meant}?"


def _hint(override: str) -> str | None:
    with pytest.raises(UsageError, match=r"^unknown key ") as refused:
        compose([override], TrainSpec)
    return refused.value.hint


def test_a_short_key_that_may_mean_several_is_not_guessed() -> None:
    assert _hint("kind=adam") == "alexcli config show lists all keys"


@pytest.mark.parametrize(
    ("mapping", "meant"),
    [
        ({"rate": 0.1}, "optim.lr"),
        ({"optim": {"rate": 0.1}}, "optim.lr"),
        ({"optim": {"groups": {"new": {"rate": {"base": 2}}}}}, "optim.groups.new.lr"),
        ({"model": {"trunk": {"conv1": {"bias": 0}}}}, "model.layers"),
        ({"model": {"layers": {"conv1": {"sees": "all"}}}}, "model.layers.conv1.reads"),
        ({"data": {"source": "toy"}}, "data.source=synthetic"),
        ({"augment": {"shared": 32}}, "augment.images_per_crop"),
    ],
)
def test_a_file_with_former_names_is_answered_with_the_present_ones(
    mapping: dict[str, Any], meant: str
) -> None:
    with pytest.raises(UsageError, match=r"^config\.yaml: ") as refused:
        from_mapping(mapping, TrainSpec, source=Path("config.yaml"))
    assert refused.value.hint == f"did you mean {meant}?"


def test_only_keys_of_the_schema_are_suggested() -> None:
    with pytest.raises(UsageError) as refused:
        compose(["pictures=x"], AnalyzeSpec)
    assert refused.value.hint == "did you mean images=x?"
    with pytest.raises(UsageError) as refused:
        compose(["momentum=0.5"], AnalyzeSpec)
    assert "optim" not in (refused.value.hint or "")


def test_keys_with_keys_below_them_are_sections() -> None:
    keys = KnownKeys()
    keys.add({"a": {"b": 1, "c": {}}})
    keys.add({"b": 1, "d": 2}, prefix="a.")
    assert keys.values == ["a.b", "a.d"]
    assert keys.sections == ["a", "a.c"]


def test_a_short_key_is_the_end_of_one_full_key() -> None:
    assert full_key("z", ["x.y", "x.z"]) == "x.z"
    assert full_key("x.z", ["w.x.z", "x.y"]) == "w.x.z"
    assert full_key("z", ["x.z", "y.z"]) is None
    assert full_key("z", ["x.yz"]) is None


def test_a_misspelled_key_is_answered_with_the_most_similar_one() -> None:
    keys = KnownKeys(values=["optim.epochs", "optim.momentum"], sections=["optim"])
    assert suggest_key("optim.epocs", "optim.epocs", keys, is_section=False) == "optim.epochs"
    assert suggest_key("zzz", "zzz", keys, is_section=False) is None


def test_a_former_choice_comes_before_a_similar_one() -> None:
    assert suggest_choice("toy", ["toys", "synthetic"]) == "synthetic"
    assert suggest_choice("toy", ["toys"]) == "toys"
