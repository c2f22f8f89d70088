"""Configurations from plain data."""

from pathlib import Path

import pytest
import yaml

from alexcli.config.compose import compose
from alexcli.config.mapping import to_mapping
from alexcli.config.saved import from_mapping
from alexcli.errors import UsageError
from alexcli.schema import TrainSpec


def test_a_composition_survives_yaml() -> None:
    spec = compose(["experiment=cifar_18"], TrainSpec)
    text = yaml.safe_dump(to_mapping(spec))
    assert from_mapping(yaml.safe_load(text), TrainSpec, source=Path("x")) == spec


CYCLE: list[object] = []
CYCLE.append(CYCLE)


@pytest.mark.parametrize(
    "mapping",
    [
        {"seed": "${oc.env:HOME}"},
        {"data": {"root": "${oc.env:HOME}"}},
        ["not", "a", "mapping"],
        {"seed": object()},
        {"seed": [[CYCLE]]},
        {"optim": {"lr": 10**400}, "data": {"source": "synthetic"}, "model": {"name": "x"}},
        {"data": {"source": "synthetic"}, "model": {"name": "x", "_target_": "os.system"}},
        {"data": {"source": "synthetic"}, "model": {"name": "x"}, "optim": {"momentum": 7}},
    ],
)
def test_a_strangers_configuration_is_checked_like_any_other(mapping: object) -> None:
    with pytest.raises(UsageError):
        from_mapping(mapping, TrainSpec, source=Path("config.yaml"))


def test_a_refused_file_is_named() -> None:
    with pytest.raises(UsageError, match=r"^config\.yaml: unknown key 'optim\.epocs'"):
        from_mapping({"optim": {"epocs": 3}}, TrainSpec, source=Path("config.yaml"))
    with pytest.raises(UsageError, match=r"^config\.yaml is not a configuration: list$"):
        from_mapping([], TrainSpec, source=Path("config.yaml"))
