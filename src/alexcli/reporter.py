"""The messages of a run while it works. `render` shows them; nothing under `run` prints."""

from typing import Protocol

from alexcli.records.training import EpochRow


class Reporter(Protocol):
    """Receives progress updates and shows them to the user."""

    def note(self, text: str) -> None:
        """Show one line of information."""

    def warn(self, text: str) -> None:
        """Show one line that should not be missed."""

    def busy(self, task: str) -> None:
        """Show that work of unknown length is in progress, until other work begins or `close`.

        Args:
            task: what is done, such as `starting`.
        """

    def progress(self, task: str, completed: int, total: int) -> None:
        """Show the progress of a pass other than training.

        Args:
            task: what is done, such as `evaluating NAME`.
            completed: items that are finished.
            total: items of the whole pass.
        """

    def step(self, row: EpochRow, epochs: int, steps: int) -> None:
        """Show the progress of training; called a few times a second at most.

        Args:
            row: the running epoch so far.
            epochs: epochs of the whole run.
            steps: updates of the whole run.
        """

    def epoch(self, rows: list[EpochRow], epochs: int) -> None:
        """Show an epoch that has ended.

        Args:
            rows: one for each split that was measured.
            epochs: epochs of the whole run.
        """

    def close(self) -> None:
        """Restore the terminal, after the work is finished or because of an error."""


class NullReporter:
    """A Reporter that shows nothing."""

    def note(self, text: str) -> None:
        """Show nothing."""

    def warn(self, text: str) -> None:
        """Show nothing."""

    def busy(self, task: str) -> None:
        """Show nothing."""

    def progress(self, task: str, completed: int, total: int) -> None:
        """Show nothing."""

    def step(self, row: EpochRow, epochs: int, steps: int) -> None:
        """Show nothing."""

    def epoch(self, rows: list[EpochRow], epochs: int) -> None:
        """Show nothing."""

    def close(self) -> None:
        """Show nothing."""
