"""Dataclasses from plain data, against what OmegaConf makes of the same data."""

import copy
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from pathlib import Path
from typing import Any

import pytest
import yaml

from alexcli.config.compose import compose
from alexcli.config.conversion import convert
from alexcli.config.files import STUDIES, choices, conf_dir
from alexcli.config.from_plain import spec_from_plain
from alexcli.config.mapping import to_mapping
from alexcli.errors import UsageError
from alexcli.schema import AnalyzeSpec, StudySpec, TrainSpec
from alexcli.schema.ranges import MISSING

Word = StrEnum("Word", ["relu", "max"])


class Number(Enum):
    one = 1


@dataclass
class Inner:
    required: str = MISSING
    size: int = 3
    words: list[Word] = field(default_factory=list)


@dataclass
class Sample:
    """A field of every type that the schema uses."""

    flag: bool = False
    count: int = 1
    factor: float = 0.5
    text: str = "x"
    word: Word = Word.relu
    anything: Any = None
    optional: int | None = None
    numbers: list[float] = field(default_factory=list)
    texts: list[str] | None = None
    inner: Inner = field(default_factory=lambda: Inner("x", 4))
    optional_inner: Inner | None = None
    links: dict[str, float] = field(default_factory=lambda: {"a": 1.0})
    steps: dict[int, float] = field(default_factory=dict)
    inners: dict[str, Inner | None] = field(default_factory=lambda: {"a": Inner("x", 5)})
    claims: dict[Number, Any] = field(default_factory=dict)
    unknown: str = "not a field"


VALUES: tuple[Any, ...] = (
    *(None, True, 0, 3, -1, 0.5, "", "x", "3", "1e-3", "relu", "one", "???"),
    *("a ${count} b", [], [1], ["relu"], ["x", None], [0.5, 1], [[1]], {}, {"a": 1}, {1: 2}),
    *({"one": 2}, {"required": "y"}, {"size": 7}, {"a": None}, {"a": {"size": 7}}, {"a": [1]}),
    *({"b": {"required": "y", "words": ["max"]}}, {"a": {"required": "???"}}, {"a": {"siz": 1}}),
)
"""Values of every type, each of which most fields refuse."""


def from_omegaconf(mapping: dict[str, Any], schema: type) -> Any:
    """What OmegaConf makes of a mapping; None where it refuses it."""
    try:
        return convert(copy.deepcopy(mapping), schema, Path("x.yaml"))
    except UsageError:
        return None


@pytest.mark.parametrize("key", [*Sample.__annotations__, "misspelled"])
def test_a_value_is_what_omegaconf_makes_of_it_or_left_to_omegaconf(key: str) -> None:
    taken = 0
    for value in VALUES:
        mapping = {"count": 2, key: value}
        spec = spec_from_plain(copy.deepcopy(mapping), Sample)
        if spec is not None:
            taken += 1
            assert spec == from_omegaconf(mapping, Sample), value
            assert repr(spec) == repr(from_omegaconf(mapping, Sample)), value  # 1 is not 1.0
    assert (taken == 0) == (key == "misspelled")


@pytest.mark.parametrize(
    "mapping",
    [
        {"text": "???"},
        {"text": "a ${count} b"},
        {"links": {"${text}": 1}},
        {"inners": {"b": {}}},
        {"optional_inner": {}},
        {"inner": {"required": "???"}},
        {"count": "2"},
        {"flag": 1},
        {"word": "Relu"},
        {1: 2},
    ],
    ids=str,
)
def test_what_needs_a_message_or_a_conversion_is_left_to_omegaconf(mapping: dict[Any, Any]) -> None:
    assert spec_from_plain({}, Sample) == Sample()
    assert spec_from_plain(mapping, Sample) is None


def test_a_default_that_must_be_given_is_missed() -> None:
    assert spec_from_plain({"model": {"name": "x"}}, TrainSpec) is None
    assert spec_from_plain({"data": {"source": "cifar10"}}, TrainSpec) is None
    assert (
        spec_from_plain({"model": {"name": "x"}, "data": {"source": "cifar10"}}, TrainSpec)
        is not None
    )


@pytest.mark.parametrize("experiment", ["cifar_18", "quickstart"])
def test_what_a_run_saves_is_read(experiment: str) -> None:
    spec = compose([f"experiment={experiment}", "optim.groups.biases=null", "seed=3"], TrainSpec)
    mapping = yaml.safe_load(yaml.safe_dump(to_mapping(spec)))
    assert spec_from_plain(mapping, TrainSpec) == spec == from_omegaconf(mapping, TrainSpec)


def test_a_mapping_adds_to_the_default_of_a_mapping() -> None:
    spec = spec_from_plain({"model": {"name": "x"}, "traffic": {"links": {"usb": 1}}}, AnalyzeSpec)
    assert spec is not None
    assert list(spec.traffic.links) == ["pcie2", "nvlink", "eth100", "usb"]
    assert AnalyzeSpec().traffic.links.keys() == {"pcie2", "nvlink", "eth100"}


def test_studies_are_what_omegaconf_makes_of_them() -> None:
    taken = 0
    for name in choices(STUDIES):
        path = conf_dir() / STUDIES / f"{name}.yaml"
        mapping = yaml.safe_load(path.read_text(encoding="utf-8"))
        spec = spec_from_plain(mapping, StudySpec)
        taken += spec is not None
        assert spec in (None, from_omegaconf(mapping, StudySpec))
    assert taken
