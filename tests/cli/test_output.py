import errno
import io
import sys
from pathlib import Path

import pytest

from alexcli.cli.output import emit, program, save_outputs, show, suggest
from alexcli.errors import RunFailedError, UsageError
from alexcli.records.analysis import Analysis
from alexcli.render.tables import Format
from alexcli.reporter import NullReporter
from alexcli.tables import Table
from tests.run.trainings import Notes


class NoteList(NullReporter):
    """Keeps the notes."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        """Keep a note."""
        self.notes.append(text)


def _analysis() -> Analysis:
    return Analysis("title", [Table.from_records("t", [{"n": 1}])], data={"n": 1})


class FullOutput(io.StringIO):
    """Standard output of which the disk is full."""

    def flush(self) -> None:
        """Fail as such a file does."""
        raise OSError(errno.ENOSPC, "No space left on device")


def test_an_output_that_takes_no_more_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", FullOutput())
    with pytest.raises(RunFailedError, match="cannot be written: No space left on device"):
        emit("text")


def test_files_are_written_and_noted() -> None:
    reporter = NoteList()
    paths = [Path("new/t.json"), Path("new/t.csv")]
    save_outputs(_analysis(), paths, reporter, "--out new", "another")
    assert Path("new/t.csv").read_text() == "n\n1\n"
    assert reporter.notes == ["wrote new/t.json", "wrote new/t.csv"]


def test_a_place_that_cannot_be_written_is_named_with_a_hint() -> None:
    Path("new").write_text("a file")
    with pytest.raises(UsageError, match="--out new cannot be written") as caught:
        save_outputs(_analysis(), [Path("new/t.json")], NullReporter(), "--out new", "another")
    assert caught.value.hint == "another"


def test_the_program_is_typed_as_it_can_be_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: f"/bin/{name}")
    assert program() == "alexcli"
    monkeypatch.setattr("shutil.which", lambda _: None)
    monkeypatch.setattr("sys.argv", ["/env/bin/alexcli"])
    assert program() == "/env/bin/alexcli"
    monkeypatch.setattr("sys.argv", ["/src/alexcli/__main__.py"])
    assert program().endswith(" -m alexcli")
    monkeypatch.setattr("sys.argv", ["/my env/bin/alexcli"])
    assert program() == "'/my env/bin/alexcli'"


def test_a_command_that_leads_on_can_be_copied_whatever_its_paths_hold(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("shutil.which", lambda name: f"/bin/{name}")
    reporter = NoteList()
    suggest(reporter, ["train", "data=store", "data.root=my store"])
    assert reporter.notes == ["next: alexcli train data=store 'data.root=my store'"]


def test_csv_notes_the_tables_that_it_leaves_out(capsys: pytest.CaptureFixture[str]) -> None:
    tables = [Table.from_records("errors", [{"n": 1}]), Table.from_records("classes", [{"m": 2}])]
    notes = Notes()
    show(Analysis("", tables), Format.csv, notes, "--out DIR")
    assert capsys.readouterr().out == "n\n1\n"
    assert notes.notes == ["csv is one table; --out DIR for the others: classes"]
    show(Analysis("", tables), Format.md, notes, "--out DIR")
    assert len(notes.notes) == 1
