"""Which loggers there are, what each of them gets, and what becomes of one that fails."""

from pathlib import Path
from typing import Any

import pytest

from alexcli.errors import InterruptedRunError, UsageError
from alexcli.lit.loggers import open as module
from alexcli.lit.loggers.base import Row, RowLogger, Status
from alexcli.lit.loggers.open import LoggerClass, Loggers, open_loggers
from alexcli.reporter import NullReporter
from alexcli.schema import LoggerSpec
from tests.lit.loggers.sessions import ROWS, run_in
from tests.run.trainings import Notes


class Listed(RowLogger):
    """Keeps what it gets."""

    def __init__(self, recorded: int = 0, *, fails: bool = False) -> None:
        self.recorded = recorded
        self.fails = fails
        self.rows: list[Row] = []
        self.status: Status | None = None

    def record(self, row: Row) -> None:
        if self.fails:
            raise ConnectionError("the server is gone\nand more")
        self.rows.append(row)

    def close(self, status: Status) -> None:
        self.status = status


def open_listed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, **keys: bool
) -> tuple[Any, list[Listed]]:
    """The context of loggers that keep what they get, and those that were opened."""
    opened: list[Listed] = []

    def start(*_: object) -> Listed:
        opened.append(Listed())
        return opened[-1]

    monkeypatch.setattr(module, "_start", start)
    run = run_in(tmp_path, ROWS[:2])
    return open_loggers(LoggerSpec(**keys), run, NullReporter(), is_main=True), opened


def test_a_logger_gets_what_it_lacks_and_nothing_twice() -> None:
    new, old = Listed(), Listed(recorded=3)
    loggers = Loggers({"new": new, "old": old}, NullReporter())
    for row in ROWS:
        loggers.record(row)
    assert new.rows == ROWS
    assert old.rows == ROWS[3:]


def test_a_logger_that_fails_is_left_out_with_one_warning_and_the_others_go_on() -> None:
    reporter = Notes()
    good = Listed()
    loggers = Loggers({"bad": Listed(fails=True), "good": good}, reporter)
    for row in ROWS:
        loggers.record(row)
    assert good.rows == ROWS
    assert len(reporter.warnings) == 1
    assert "bad is left out from here on: the server is gone;" in reporter.warnings[0]


def test_every_logger_that_is_asked_for_begins_with_the_rows_so_far(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context, opened = open_listed(monkeypatch, tmp_path, csv=True, wandb=True)
    with context as loggers:
        loggers.record(ROWS[2])
    assert [logger.rows for logger in opened] == [ROWS[:3], ROWS[:3]]
    assert [logger.status for logger in opened] == ["finished", "finished"]


@pytest.mark.parametrize(
    ("error", "status"), [(InterruptedRunError("Ctrl-C"), "stopped"), (RuntimeError(), "failed")]
)
def test_loggers_hear_how_a_training_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, status: Status
) -> None:
    context, opened = open_listed(monkeypatch, tmp_path, csv=True)
    with pytest.raises(type(error)), context:
        raise error
    assert opened[0].status == status


def test_without_a_logger_and_in_processes_that_do_not_write_there_is_none(tmp_path: Path) -> None:
    run = run_in(tmp_path, [])
    with open_loggers(LoggerSpec(), run, NullReporter(), is_main=True) as loggers:
        assert loggers.loggers == {}
    with open_loggers(LoggerSpec(csv=True), run, NullReporter(), is_main=False) as loggers:
        assert loggers.loggers == {}
    assert not list(tmp_path.iterdir())


def test_a_logger_that_cannot_start_is_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "metrics.csv").mkdir()
    context = open_loggers(LoggerSpec(csv=True), run_in(tmp_path, []), NullReporter(), is_main=True)
    with pytest.raises(UsageError, match=r"csv cannot start: .*directory") as caught, context:
        pass
    assert "metrics.csv" in (caught.value.hint or "")


def test_every_logger_of_the_schema_has_its_class() -> None:
    assert all(isinstance(logger, LoggerClass) for logger in module.LOGGERS.values())
    switches = [name for name, value in vars(LoggerSpec()).items() if value is False]
    assert list(module.LOGGERS) == switches
