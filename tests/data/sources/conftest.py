"""What tests of sources share: a server to download from, and a reporter that remembers."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from alexcli.reporter import NullReporter
from tests.local_site import Site, serve


class RecordingReporter(NullReporter):
    """A reporter that keeps its notes."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:  # type: ignore[override]
        """Keep a note."""
        self.notes.append(text)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """A server on this machine."""
    monkeypatch.setenv("no_proxy", "*")
    with serve(tmp_path / "site") as site:
        yield site


@pytest.fixture
def reporter() -> RecordingReporter:
    """A reporter that keeps its notes."""
    return RecordingReporter()
