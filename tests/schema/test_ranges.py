"""Ranges beside fields."""

import dataclasses
from dataclasses import dataclass

from alexcli.config.validation import LIMITS
from alexcli.schema.ranges import ranged


@dataclass
class Example:
    share: float = ranged(0.5, low=0, below=1)
    count: int | None = ranged(None, low=1)


def test_a_field_has_the_default_and_carries_its_limits() -> None:
    assert Example() == Example(share=0.5, count=None)
    share, count = dataclasses.fields(Example)
    assert dict(share.metadata) == {"low": 0, "below": 1}
    assert dict(count.metadata) == {"low": 1}


def test_every_limit_of_an_example_is_checked_when_composing() -> None:
    for field in dataclasses.fields(Example):
        assert field.metadata.keys() <= LIMITS.keys()
