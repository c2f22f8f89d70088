"""Dataclasses from OmegaConf's configurations."""

from pathlib import Path

import pytest
from omegaconf import OmegaConf

from alexcli.config.conversion import convert, to_spec
from alexcli.errors import UsageError
from alexcli.schema import OptimSpec, PrepareSpec, StudySpec


def test_values_are_converted_to_the_types_of_their_fields() -> None:
    spec = convert({"lr": "1e-3", "epochs": "7"}, OptimSpec, Path("x.yaml"))
    assert spec == OptimSpec(lr=0.001, epochs=7)


def test_a_refused_value_is_named_with_its_file() -> None:
    with pytest.raises(UsageError, match=r"^x\.yaml: size: Value 'big'"):
        convert({"size": "big"}, PrepareSpec, Path("x.yaml"))


def test_a_missing_value_is_named() -> None:
    config = OmegaConf.structured(OptimSpec)
    config = OmegaConf.merge(config, {"groups": {"bias": {}}})
    with pytest.raises(UsageError, match=r"^groups\.bias\.pattern has no value$"):
        to_spec(config)


def test_a_missing_value_is_named_with_its_file() -> None:
    with pytest.raises(UsageError, match=r"^x\.yaml: claim has no value$") as refused:
        convert({"arms": {}}, StudySpec, Path("x.yaml"))
    assert refused.value.hint == "add a line `claim: VALUE`"


def test_ranges_are_checked() -> None:
    with pytest.raises(UsageError, match=r"momentum=2\.0 is out of range"):
        convert({"momentum": 2}, OptimSpec, Path("x.yaml"))
