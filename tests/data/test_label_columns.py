from pathlib import Path

import pytest

from alexcli.data.label_columns import is_number, read_lines, split_columns
from alexcli.errors import UsageError

LEAVES = ["Apple leaf", "Apple rust leaf", "leaf", "comma, name"]


def _cells(text: str, classes: list[str]) -> list[list[str]]:
    lines = [(number, line) for number, line in enumerate(text.splitlines(), 1)]
    return [line.cells for line in split_columns(lines, classes)]


@pytest.mark.parametrize(
    ("text", "cells"),
    [
        ("Apple leaf\ncomma, name", [["Apple leaf"], ["comma, name"]]),
        ("a.jpg Apple rust leaf", [["a.jpg", "Apple rust leaf"]]),
        ("my b.jpg leaf\nc.jpg leaf", [["my b.jpg", "leaf"], ["c.jpg", "leaf"]]),
        ("an Apple.jpg Apple leaf", [["an Apple.jpg", "Apple leaf"]]),
        ("a.jpg\tApple leaf\nb c.jpg\tleaf", [["a.jpg", "Apple leaf"], ["b c.jpg", "leaf"]]),
        ("ImageId,Class\na,leaf", [["a", "leaf"]]),
        ('filename;label\n"a;b.jpg";leaf', [["a;b.jpg", "leaf"]]),
        ('a.jpg,"comma, name"', [["a.jpg", "comma, name"]]),
        (",image_path,label\n0,a.jpg,leaf", [["0", "a.jpg", "leaf"]]),
        ("a.jpg,orchid\nb.jpg,leaf", [["a.jpg", "orchid"], ["b.jpg", "leaf"]]),
        ("a.jpg unknown leaf type", [["a.jpg", "unknown leaf type"]]),
        ("x.JPEG 3", [["x.JPEG", "3"]]),
    ],
)
def test_columns_are_found_whatever_separates_them(text: str, cells: list[list[str]]) -> None:
    assert _cells(text, LEAVES) == cells


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbfa.jpg caf\xc3\xa9\r\n\r\nb.jpg x\r\n",
        "a.jpg caf\u00e9\n\nb.jpg x".encode("utf-16"),
        "a.jpg cafe\u0301\r\rb.jpg x".encode(),
    ],
)
def test_marks_ends_of_lines_and_unicode_forms_do_not_matter(
    tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "l").write_bytes(content)
    assert read_lines(tmp_path / "l") == [(1, "a.jpg caf\u00e9"), (3, "b.jpg x")]


def test_a_line_in_another_encoding_is_named(tmp_path: Path) -> None:
    (tmp_path / "l").write_bytes(b"a.jpg x\nb.jpg caf\xe9\n")
    with pytest.raises(UsageError, match="line 2 is not utf-8"):
        read_lines(tmp_path / "l")


def test_a_number_is_whole_and_may_be_negative() -> None:
    assert is_number("12")
    assert is_number("-1")
    assert not any(map(is_number, ["", "1.5", "\u00b2", "x"]))
