"""metrics.csv."""

import csv
from pathlib import Path

from alexcli.lit.loggers.csv import CsvLogger
from alexcli.schema import LoggerSpec
from tests.lit.loggers.sessions import ROWS, in_one_session, killed_and_resumed


def start(run: object) -> CsvLogger:
    return CsvLogger(LoggerSpec(csv=True), run)  # type: ignore[arg-type]


def test_the_table_has_the_values_of_every_row(tmp_path: Path) -> None:
    in_one_session(start, tmp_path)
    with (tmp_path / "metrics.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    expected = [
        {name: "" if value is None else str(value) for name, value in row.items()} for row in ROWS
    ]
    assert lines == expected


def test_a_killed_run_ends_with_the_table_of_an_uninterrupted_one(tmp_path: Path) -> None:
    in_one_session(start, tmp_path / "whole")
    killed_and_resumed(start, tmp_path / "killed")
    whole, killed = (tmp_path / name / "metrics.csv" for name in ("whole", "killed"))
    assert killed.read_text() == whole.read_text()


def test_a_line_that_a_kill_has_cut_off_is_written_again(tmp_path: Path) -> None:
    (tmp_path / "metrics.csv").write_text("step,epoch\n3,1")
    in_one_session(start, tmp_path)
    assert len((tmp_path / "metrics.csv").read_text().splitlines()) == 1 + len(ROWS)
