import pytest

from alexcli.tables import Table

RECORDS = [{"layer": "conv1", "neurons": 6}, {"neurons": 4, "layer": "conv2"}]


def test_rows_follow_the_columns_of_the_first_record() -> None:
    table = Table.from_records("counts", RECORDS)
    assert table.columns == ["layer", "neurons"]
    assert table.rows == [["conv1", 6], ["conv2", 4]]


def test_columns_choose_and_order_what_records_hold() -> None:
    table = Table.from_records("counts", RECORDS, columns=["neurons"])
    assert table.rows == [[6], [4]]
    assert Table.from_records("counts", [], columns=["neurons"]).rows == []


def test_records_return_the_rows_and_the_total_after_them() -> None:
    total = {"layer": "total", "neurons": 10}
    table = Table.from_records("counts", RECORDS, total=total)
    assert table.all_rows() == [["conv1", 6], ["conv2", 4], ["total", 10]]
    assert table.records() == [*RECORDS, total]


def test_a_record_without_a_column_is_refused() -> None:
    with pytest.raises(KeyError, match="neurons"):
        Table.from_records("counts", [*RECORDS, {"layer": "conv3"}])
