"""Showing how a run goes, on stderr: bars on a terminal, plain lines elsewhere."""

import time

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from alexcli.records.training import EpochRow
from alexcli.render.foreign import printable
from alexcli.render.tables import percent
from alexcli.reporter import Reporter


def make_reporter() -> Reporter:
    """A reporter with bars where stderr is a terminal, with lines elsewhere."""
    console = Console(stderr=True, highlight=False)
    return BarReporter(console) if console.is_terminal else LineReporter(console)


def epoch_line(rows: list[EpochRow], epochs: int) -> str:
    """An epoch in one line.

    Args:
        rows: one for each split that was measured.
        epochs: epochs of the whole run.
    """
    first = rows[0]
    parts = [f"epoch {first.epoch}/{epochs}"]
    for row in rows:
        top5 = "" if row.top5_err is None else f" top-5 {percent(row.top5_err)}"
        parts.append(f"{row.split} loss {row.loss:.3f} error {percent(row.top1_err)}{top5}")
    parts.append(f"lr {first.lr:g}")
    parts.append(f"{first.images_per_s:,.0f} images/s")
    return "  ".join(parts)


def step_line(row: EpochRow, epochs: int, steps: int) -> str:
    """Where training is, in one line.

    Args:
        row: the running epoch so far.
        epochs: epochs of the whole run.
        steps: updates of the whole run.
    """
    parts = [
        f"epoch {row.epoch}/{epochs}",
        f"step {row.step:,}/{steps:,}",
        f"loss {row.loss:.3f}",
        f"error {percent(row.top1_err)}",
        f"lr {row.lr:g}",
        f"{row.images_per_s:,.0f} im/s",
    ]
    return "  ".join(parts)


def duration(seconds: float) -> str:
    """Seconds for people: 1:30, or 1:01:40."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}:{minutes:02}:{seconds:02}"
    return f"{minutes}:{seconds:02}"


class LineReporter:
    """A line for each epoch, and one every half minute within long ones.

    Args:
        console: where the lines go.
    """

    SECONDS_BETWEEN_LINES = 30.0

    def __init__(self, console: Console) -> None:
        self.console = console
        self._last_line = time.monotonic()
        """When the last line that depends on the time was shown."""
        self._first_step: tuple[int, float] | None = None
        """The first step that was reported, and when."""

    def note(self, text: str) -> None:
        """See Reporter."""
        self.console.print(printable(text, lines=True), markup=False, soft_wrap=True)

    def warn(self, text: str) -> None:
        """See Reporter."""
        self.note(f"warning: {text}")

    def progress(self, task: str, completed: int, total: int) -> None:
        """See Reporter."""
        if self._is_due():
            self._show_line(f"{task}: {completed:,} of {total:,}")

    def step(self, row: EpochRow, epochs: int, steps: int) -> None:
        """See Reporter."""
        if self._first_step is None:
            self._first_step = (row.step, time.monotonic())
        if self._is_due():
            self._show_line(f"{step_line(row, epochs, steps)}  ETA {self._eta(row.step, steps)}")

    def epoch(self, rows: list[EpochRow], epochs: int) -> None:
        """See Reporter."""
        self._show_line(epoch_line(rows, epochs))

    def close(self) -> None:
        """See Reporter."""

    def _is_due(self) -> bool:
        """Whether enough time has passed since the last line."""
        return time.monotonic() - self._last_line >= self.SECONDS_BETWEEN_LINES

    def _show_line(self, text: str) -> None:
        """Show a line, after which others wait."""
        self._last_line = time.monotonic()
        self.note(text)

    def _eta(self, step: int, steps: int) -> str:
        """The time that the remaining steps take at the speed so far."""
        assert self._first_step is not None
        first_step, began = self._first_step
        steps_made = step - first_step
        if not steps_made:
            return "-"
        return duration((time.monotonic() - began) / steps_made * (steps - step))


class BarReporter(LineReporter):
    """A bar that stays at the bottom, with the lines of the epochs above it."""

    bar: Progress | None = None
    """The bar of the present piece of work."""

    def progress(self, task: str, completed: int, total: int) -> None:
        """See Reporter."""
        self._move_bar(task, completed, total, f"{completed:,}/{total:,}")

    def step(self, row: EpochRow, epochs: int, steps: int) -> None:
        """See Reporter."""
        self._move_bar("training", row.step, steps, step_line(row, epochs, steps))

    def close(self) -> None:
        """See Reporter."""
        if self.bar is not None:
            self.bar.stop()
        self.bar = None

    def _move_bar(self, task: str, completed: int, total: int, status: str) -> None:
        """Move the bar; other work gets a new one.

        Args:
            task: what is done.
            completed: items that are finished.
            total: items of the whole work.
            status: what stands beside the bar.
        """
        task = printable(task)
        if self.bar is None or self.bar.tasks[0].description != task:
            self.close()
            self.bar = self._new_bar(task)
        self.bar.update(self.bar.task_ids[0], completed=completed, total=total, status=status)

    def _new_bar(self, task: str) -> Progress:
        bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=None),
            TextColumn("{task.fields[status]}", markup=False),
            TimeElapsedColumn(),
            TextColumn("ETA"),
            TimeRemainingColumn(),
            console=self.console,
            transient=True,
        )
        bar.add_task(task, status="")
        bar.start()
        return bar
