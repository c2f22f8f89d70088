"""Records that were read from a file."""

from dataclasses import dataclass, replace
from typing import Any

import pytest

from alexcli.records.conforms import conforms


@dataclass
class Inner:
    share: float | None


@dataclass
class Outer:
    name: str
    count: int
    values: dict[str, dict[int, float | None]]
    parts: list[Inner]
    anything: Any = None


GOOD = Outer("a", 3, {"x": {0: 1.5, 1: None, 2: 1}}, [Inner(None), Inner(2)])


def test_a_record_with_what_its_fields_say_conforms() -> None:
    assert conforms(GOOD, Outer)
    assert conforms(replace(GOOD, anything=[object()]), Outer)


@pytest.mark.parametrize(
    "change",
    [
        {"name": 3},
        {"count": 3.0},
        {"count": True},
        {"values": []},
        {"values": {"x": {"0": 1.5}}},
        {"values": {"x": {0: "1"}}},
        {"parts": [{"share": None}]},
        {"parts": [Inner("much")]},  # type: ignore[arg-type]
        {"parts": None},
    ],
)
def test_a_record_with_anything_else_does_not(change: dict[str, Any]) -> None:
    assert not conforms(replace(GOOD, **change), Outer)
