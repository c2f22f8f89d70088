"""Configurations as plain data."""

from alexcli.config.compose import compose
from alexcli.config.mapping import flat, to_mapping
from alexcli.schema import TrainSpec


def test_a_mapping_holds_plain_values_and_enums_by_name() -> None:
    mapping = to_mapping(compose(["model=alexnet", "data=folder"], TrainSpec))
    assert type(mapping["data"]["source"]) is str
    assert mapping["data"]["source"] == "folder"
    assert mapping["model"]["layers"]["conv1"]["ops"] == ["act", "norm", "pool"]


def test_flat_values_have_dotted_keys() -> None:
    assert flat({"a": {"b": 1, "c": {"d": [2]}}, "e": None}) == {"a.b": 1, "a.c.d": [2], "e": None}
    assert flat({"b": 1}, "a.") == {"a.b": 1}
    assert flat(compose(["seed=5"], TrainSpec))["seed"] == 5


def test_an_empty_mapping_has_no_flat_values() -> None:
    assert flat({"a": {}}) == {}
