"""What benchmarks say while they measure."""

from alexcli.reporter import NullReporter


class NoteList(NullReporter):
    """Remembers notes, and whatever else a test adds to them, in order."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        """Remember a note."""
        self.notes.append(text)
