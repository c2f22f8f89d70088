"""Text of others, in the form that each output bears."""

import csv
import io

import pytest

from alexcli.render.escape import csv_cell, latex, markdown, markdown_prose, printable
from alexcli.render.tables import Format, render
from alexcli.tables import Table

NASTY = "\x1b]0;title\x07[/red][bold]\u202e|$x$\udcff\n=1+1"
"""Sets a terminal's title, closes a style that is not open, turns the line, is no text."""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("tench, Tinca tinca", "tench, Tinca tinca"),
        ("Grüße, 猫", "Grüße, 猫"),
        ("a\x1b[31mb", r"a\x1b[31mb"),
        ("a\nb\tc", r"a\nb\tc"),
        ("\u202eabc\u2066", r"\u202eabc\u2066"),
        ("photo-\udcff.jpg", r"photo-\udcff.jpg"),
        ("\x9b2J", r"\x9b2J"),
    ],
)
def test_what_a_terminal_obeys_is_shown_instead(text: str, expected: str) -> None:
    assert printable(text) == expected
    assert printable(text).encode("utf-8"), "it can be written"


def test_lines_may_stay_lines() -> None:
    assert printable("a\nb\r", lines=True) == "a\nb\\r"


def test_a_bar_is_not_that_of_the_table() -> None:
    assert markdown("a|b") == r"a\|b"


def test_characters_of_latex_mean_themselves() -> None:
    assert latex("50% of a_b & {c} ~ ^ \\d") == (
        r"50\% of a\_b \& \{c\} \textasciitilde{} \textasciicircum{} \textbackslash{}d"
    )


@pytest.mark.parametrize(
    "cell",
    [
        "=1+1",
        "+cmd|' /C calc'!A0",
        "+1 cmd|' /C calc'!A0",
        "-2+3",
        "-2 + 3",
        "@SUM(A1)",
        "-1 SUM(A1)",
        '+1 (HYPERLINK("x"))',
    ],
)
def test_a_spreadsheet_computes_nothing(cell: str) -> None:
    assert csv_cell(cell) == f"'{cell}"


@pytest.mark.parametrize(
    "cell",
    [
        *("-", "+1.40", "-0.5", "-1,234.5", "1e-4", "-2%", "-1 to +1e-2", 0.5),
        *("+1.7 points", "-0.5 (-1.14 to +0.43) points, n = 4", "+0.5 ± 0.2 points"),
    ],
)
def test_numbers_with_words_after_them_and_dashes_stay_what_they_are(cell: object) -> None:
    assert csv_cell(cell) == cell


@pytest.mark.parametrize("format_", list(Format))
def test_no_format_lets_a_name_through_raw(format_: Format) -> None:
    table = Table.from_records(NASTY, [{NASTY: NASTY, "n": 1}], note=NASTY)
    text = render(table, format_)
    for character in ("\x1b", "\x07", "\u202e", "\udcff"):
        assert character not in text
    text.encode("utf-8")


def test_a_name_is_shown_whole_in_the_terminal() -> None:
    text = render(Table.from_records("names", [{"name": "[unknown] [/red]"}]), Format.table)
    assert "[unknown] [/red]" in text


def test_rows_of_csv_stay_rows() -> None:
    table = Table.from_records("names", [{"name": NASTY}, {"name": "b"}])
    rows = list(csv.reader(io.StringIO(render(table, Format.csv))))
    assert len(rows) == 3


def test_prose_in_markdown_is_text_alone() -> None:
    assert markdown_prose("a_b <i> [x](y) \x1b") == r"a\_b \<i\> \[x\](y) \\x1b"
