import csv
import io
import json

import pytest

from alexcli.render.tables import Format, numeric, percent, render, text
from alexcli.tables import Table


@pytest.fixture
def table() -> Table:
    rows = [
        {"layer": "conv_1", "neurons": 290_400, "share": 0.123456, "last": False, "top": None},
        {"layer": "fc8", "neurons": 1000, "share": 1e-9, "last": True, "top": 0.5},
    ]
    total = {"layer": "total", "neurons": 291_400, "share": 1.0, "last": None, "top": None}
    return Table.from_records("counts", rows, "a note", total=total)


@pytest.mark.parametrize(
    ("cell", "shown"),
    [
        (None, "-"),
        (True, "yes"),
        (1_234_567, "1,234,567"),
        (0.123456, "0.1235"),
        ("x", "x"),
        (12_345.6, "12,346"),
        (-1000.4, "-1,000"),
        (1.5e13, "1.5e+13"),
    ],
)
def test_cells_are_written_for_people(cell: object, shown: str) -> None:
    assert text(cell) == shown


def test_fractions_become_percent_with_two_decimals() -> None:
    assert percent(0.375) == "37.50%"
    assert percent(None) == "-"


def test_columns_of_numbers_and_percent_are_aligned_right(table: Table) -> None:
    assert numeric(table) == [False, True, True, True, False]
    assert numeric(Table("", ["error"], [["37.50%"]])) == [True]
    assert numeric(Table("", ["error"], [])) == [False]


def test_csv_holds_exact_numbers_and_the_total(table: Table) -> None:
    header, first, _, total = csv.reader(io.StringIO(render(table, Format.csv)))
    assert header == ["layer", "neurons", "share", "last", "top"]
    assert first == ["conv_1", "290400", "0.123456", "False", ""]
    assert total[:2] == ["total", "291400"]


def test_csv_takes_the_exact_table_where_there_is_one(table: Table) -> None:
    table.exact = Table.from_records("counts", [{"error": 0.123456}])
    assert render(table, Format.csv) == "error\n0.123456\n"


def test_json_holds_the_rows_or_the_data_in_their_place(table: Table) -> None:
    assert json.loads(render(table, Format.json)) == table.records()
    assert json.loads(render(table, Format.json, data={"a": 1})) == {"a": 1}


def test_markdown_has_a_rule_and_the_note_below(table: Table) -> None:
    lines = render(table, Format.md).splitlines()
    assert lines[1] == "| :--- | ---: | ---: | ---: | :--- |"
    assert lines[2].startswith("| conv_1 | 290,400 | 0.1235 | no |")
    assert lines[-1] == "a note"


def test_latex_escapes_and_rules_off_the_total(table: Table) -> None:
    latex = render(table, Format.latex)
    assert r"conv\_1 & 290,400" in latex
    assert latex.count(r"\hline") == 2
    assert latex.index(r"fc8") < latex.rindex(r"\hline") < latex.index("total")


def test_a_terminal_gets_title_cells_and_note(table: Table) -> None:
    shown = render(table, Format.table)
    for part in ("counts", "290,400", "total", "a note"):
        assert part in shown


def test_words_stay_whole_beside_a_column_of_long_text() -> None:
    rows = [{"study": "augmentation", "says": "a long sentence " * 20, "95% interval": "-19.30 to"}]
    shown = render(Table.from_records("", rows), Format.table)
    assert "augmentation" in shown
    assert "-19.30" in shown


@pytest.mark.parametrize(
    ("columns", "rows"),
    [
        (27, ["┃ layer  ┃ neurons ┃ last ┃", "│ conv_1 │ 290,400 │   no │"]),
        (21, ["layer   neurons  last", "conv_1  290,400    no"]),
        (18, ["layer conv_1", "  neurons  290,400", "  last     no"]),
    ],
)
def test_a_table_fits_the_terminal_and_its_words_stay_whole(
    columns: int, rows: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("alexcli.render.tables.PIPE_WIDTH", columns)
    records = [
        {"layer": "conv_1", "neurons": 290_400, "last": False},
        {"layer": "fc8", "neurons": 1000, "last": True},
    ]
    shown = render(Table.from_records("counts", records), Format.table)
    for row in rows:
        assert row in shown
    assert max(map(len, shown.splitlines())) <= columns


def test_people_read_fractions_in_percent_and_programs_as_they_are() -> None:
    rows = [{"layer": "conv1", "dead": 0.015625}, {"layer": "fc8", "dead": None}]
    table = Table.from_records("units", rows, fractions=("dead",))
    for format_ in (Format.table, Format.md):
        assert "1.56%" in render(table, format_)
    assert "1.56\\%" in render(table, Format.latex)
    assert render(table, Format.csv).splitlines() == ["layer,dead", "conv1,0.015625", "fc8,"]
    assert json.loads(render(table, Format.json)) == rows
