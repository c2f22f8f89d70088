"""The changes of an arm: patterns of keys, and factors."""

import re
from typing import Any

import pytest

from alexcli.ablation.changes import OtherSettingError, format_value, keys_without_effect, resolve
from alexcli.errors import UsageError
from tests.conftest import small

BEFORE: dict[str, Any] = {
    "model.layers.conv1.filters": 96,
    "model.layers.conv2.filters": 255,
    "model.layers.fc6.filters": 4096,
    "model.layers.fc8.filters": None,
    "model.norm": "lrn",
    "optim.lr": 0.01,
    "optim.groups.weights.lr.kind": "steps",
}


def _resolve(change: dict[str, Any]) -> dict[str, Any]:
    return resolve(change, BEFORE, "arm of study")


def test_a_pattern_means_every_layer_that_has_a_value() -> None:
    assert _resolve({"model.layers.conv[12].filters": 8}) == {
        "model.layers.conv1.filters": 8,
        "model.layers.conv2.filters": 8,
    }
    assert "model.layers.fc8.filters" not in _resolve({"model.layers.*.filters": 8})


def test_a_factor_multiplies_and_whole_numbers_stay_whole() -> None:
    changes = _resolve({"model.layers.conv*.filters": "x0.5", "optim.lr": "x0.3"})
    assert changes == {
        "model.layers.conv1.filters": 48,
        "model.layers.conv2.filters": 128,
        "optim.lr": 0.003,
    }


def test_an_entry_with_a_question_mark_stands_where_the_baseline_has_it() -> None:
    change = {"model.layers.conv1.ops": ["norm", "pool?", "act"]}
    for before, ops in (
        (["act", "norm", "pool"], ["norm", "pool", "act"]),
        (["act", "norm"], ["norm", "act"]),
    ):
        resolved = resolve(change, {"model.layers.conv1.ops": before}, "arm of study")
        assert resolved == {"model.layers.conv1.ops": ops}


def test_a_list_for_a_single_value_is_left_to_composing() -> None:
    assert _resolve({"optim.lr": [0.1, "x?"]}) == {"optim.lr": [0.1]}


def test_a_whole_part_can_be_replaced_or_removed() -> None:
    schedule = {"kind": "constant"}
    changes = _resolve({"optim.groups.weights.lr": schedule, "model.layers.conv1": None})
    assert changes == {"optim.groups.weights.lr": schedule, "model.layers.conv1": None}


def test_a_key_that_fits_nothing_is_refused_unless_a_pattern_removes_nothing() -> None:
    with pytest.raises(UsageError, match=r"arm of study changes model\.nrom"):
        _resolve({"model.nrom": "none"})
    assert _resolve({"model.layers.local*": None}) == {}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"optim.lr": "x2y"}, "arm of study changes optim.lr to x2y, which is no factor"),
        ({"optim.lr": "x1e999"}, "to x1e999, which is no factor"),
        ({"model.norm": "x2"}, "multiplies model.norm by 2, but it is lrn in this setting"),
        ({"model.layers.fc8.filters": "x0.5"}, "by 0.5, but it is null in this setting"),
    ],
)
def test_a_factor_of_what_is_no_number_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=re.escape(message)):
        _resolve(change)


def test_keys_that_no_layer_reads_have_no_effect() -> None:
    assert "model.pool." not in keys_without_effect(small())
    assert "model.spatial_norm_enabled" in keys_without_effect(small())
    torchvision = keys_without_effect(small("model=resnet18", "data.size=256"))
    assert "model.layers" in torchvision
    assert "model.input" not in torchvision
    assert "model.small_stem" not in torchvision


def test_values_are_written_as_people_read_them() -> None:
    assert format_value(["act", "pool"]) == "act, pool"
    assert format_value(0.5) == "0.5"


def test_a_mistyped_key_has_the_nearest_and_a_layer_another_setting_as_hint() -> None:
    with pytest.raises(UsageError, match=r"changes optim\.lrr, which") as refused:
        _resolve({"optim.lrr": 1})
    assert refused.value.hint == "did you mean optim.lr?"
    with pytest.raises(OtherSettingError, match=r"changes model\.layers\.conv9\.filters, which"):
        _resolve({"model.layers.conv9.filters": 1})
