import pytest

from alexcli.render.layout import broken, column_widths, row_by_row

STUDIES = [("study", "augmentation"), ("interval", "-0.51 to +1.87"), ("n", "4")]


def test_columns_that_fit_are_as_wide_as_their_cells() -> None:
    assert column_widths(STUDIES, 40) == [12, 14, 1]


def test_where_the_line_is_short_columns_keep_their_longest_words() -> None:
    assert column_widths(STUDIES, 12 + 10 + 1) == [12, 10, 1]


def test_where_words_do_not_fit_there_are_no_columns() -> None:
    assert column_widths(STUDIES, 12 + 8 + 1) == [12, 8, 1]
    assert column_widths(STUDIES, 12 + 8) is None


def test_the_name_of_a_column_takes_a_second_line_before_its_cells_do() -> None:
    columns = [("run", "quickstart/s0-8115d217"), ("top-1 error", "6.90%")]
    assert column_widths(columns, 22 + 5) == [22, 5]


@pytest.mark.parametrize(
    ("cell", "width", "lines"),
    [
        ("quickstart/s0-8115d217", 22, ["quickstart/s0-8115d217"]),
        ("quickstart/s0-8115d217", 15, ["quickstart/", "s0-8115d217"]),
        ("quickstart-lrn-without/s0-3191", 15, ["quickstart-lrn-", "without/s0-3191"]),
        ("-0.51 to +1.87", 8, ["-0.51 to", "+1.87"]),
        ("1,204,224", 5, ["1,204,224"]),
        ("s3://bucket/images", 5, ["s3://", "bucket/", "images"]),
        ("top-1 error", 5, ["top-1", "error"]),
    ],
)
def test_a_cell_breaks_between_words_and_behind_slashes_and_hyphens(
    cell: str, width: int, lines: list[str]
) -> None:
    assert broken(cell, width).split("\n") == lines


def test_row_by_row_each_cell_stands_beside_the_name_of_its_column() -> None:
    rows = [
        ("arm", "mean", "95% interval", ""),
        ("baseline", "0.73%", "", ""),
        ("without", "1.67%", "+0.41 to +1.47", "agrees"),
    ]
    assert row_by_row(rows, 24).splitlines() == [
        "arm baseline",
        "  mean          0.73%",
        "arm without",
        "  mean          1.67%",
        "  95% interval  +0.41 to",
        "                +1.47",
        "                agrees",
    ]
