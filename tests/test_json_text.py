import math

import pytest

from alexcli import json_text
from alexcli.json_text import parse_json


def test_plain_data_is_read_as_python_reads_it() -> None:
    text = '{"a": [1, -2.5, 1e3, true, null, "x"], "b": 9223372036854775807}'
    assert parse_json(text) == {"a": [1, -2.5, 1000.0, True, None, "x"], "b": 2**63 - 1}
    assert parse_json(text.encode()) == parse_json(text)


def test_numbers_that_are_not_finite_are_read_where_they_may_be() -> None:
    low, high = parse_json("[-Infinity, Infinity]", allow_nan=True)
    assert (low, high) == (-math.inf, math.inf)
    assert math.isnan(parse_json("NaN", allow_nan=True))
    with pytest.raises(ValueError, match="too large"):
        parse_json("1e999", allow_nan=True)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[",
        "[" * 1_000_000,
        '{"a":' * 1_000_000,
        "NaN",
        "Infinity",
        "-Infinity",
        "1e999",
        "9223372036854775808",
        "1" * 10_000,
        b"\xff\xfe\x00",
    ],
)
def test_anything_else_is_a_value_error_with_a_short_text(text: str | bytes) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        parse_json(text)
    assert len(str(caught.value)) < 300


def test_a_document_that_is_too_long_is_not_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_text, "MOST_BYTES", 4)
    assert parse_json("1234") == 1234
    with pytest.raises(ValueError, match="a length of 5 is more than 4"):
        parse_json("12345")
