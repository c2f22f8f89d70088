"""train.log."""

import logging
from pathlib import Path

import pytest

from alexcli.errors import RunFailedError
from alexcli.reporter import NullReporter
from alexcli.run.log import logged_to
from tests.render.epoch_rows import VAL


class Notes(NullReporter):
    """Keeps the notes that it receives."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


def test_notes_warnings_and_epochs_reach_the_log_and_the_reporter(tmp_path: Path) -> None:
    path = tmp_path / "train.log"
    reporter = Notes()
    with logged_to(path, reporter) as logging_reporter:
        logging_reporter.note("begun")
        logging_reporter.warn("slow")
        logging_reporter.epoch([VAL], 2)
    lines = path.read_text().splitlines()
    assert lines[0].endswith("INFO begun")
    assert lines[1].endswith("WARNING slow")
    assert lines[2].endswith("INFO epoch 1/2 val loss 1.5000 top-1 error 0.7000")
    assert reporter.notes == ["begun"]


def test_an_expected_error_is_logged_before_it_passes_on(tmp_path: Path) -> None:
    path = tmp_path / "train.log"
    with pytest.raises(RunFailedError), logged_to(path, NullReporter()):
        raise RunFailedError("the disk is full")
    assert "ERROR the disk is full" in path.read_text()
    assert logging.getLogger("alexcli.run").handlers == []
