"""Telling people how a run goes, on stderr: bars on a terminal, plain lines elsewhere."""

import time

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from alexcli.render.tables import percent
from alexcli.results import EpochRow, Reporter


def make_reporter() -> Reporter:
    """Bars where stderr is a terminal, lines elsewhere."""
    console = Console(stderr=True, highlight=False)
    return Bars(console) if console.is_terminal else Lines(console)


def epoch_line(rows: list[EpochRow], epochs: int) -> str:
    """An epoch in one line."""
    first = rows[0]
    parts = [f"epoch {first.epoch}/{epochs}"]
    for row in rows:
        top5 = "" if row.top5_err is None else f" top-5 {percent(row.top5_err)}"
        parts.append(f"{row.split} loss {row.loss:.3f} error {percent(row.top1_err)}{top5}")
    parts.append(f"rate {first.lr:g}")
    parts.append(f"{first.images_per_s:,.0f} images/s")
    return "  ".join(parts)


def step_words(row: EpochRow, epochs: int, steps: int) -> str:
    """Where training is."""
    at = f"epoch {row.epoch}/{epochs}  step {row.step:,}/{steps:,}  loss {row.loss:.3f}"
    return f"{at}  error {percent(row.top1_err)}  rate {row.lr:g}  {row.images_per_s:,.0f} im/s"


def duration(seconds: float) -> str:
    """90 s as 1:30."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


class Lines:
    """One line an epoch, and one every half minute within long ones."""

    EVERY = 30.0

    def __init__(self, console: Console) -> None:
        self.console = console
        self.said = time.monotonic()
        self.began: tuple[int, float] | None = None
        """The first step that was reported, and when."""

    def note(self, text: str) -> None:
        """See Reporter."""
        self.console.print(text, markup=False, soft_wrap=True)

    def warn(self, text: str) -> None:
        """See Reporter."""
        self.note(f"warning: {text}")

    def _due(self) -> bool:
        if time.monotonic() - self.said < self.EVERY:
            return False
        self.said = time.monotonic()
        return True

    def counted(self, what: str, done: int, total: int) -> None:
        """See Reporter."""
        if self._due():
            self.note(f"{what}: {done:,} of {total:,}")

    def step(self, row: EpochRow, epochs: int, steps: int) -> None:
        """See Reporter."""
        now = time.monotonic()
        first, began = self.began = self.began or (row.step, now)
        if self._due():
            done = row.step - first
            eta = duration((now - began) / done * (steps - row.step)) if done else "-"
            self.note(f"{step_words(row, epochs, steps)}  ETA {eta}")

    def epoch(self, rows: list[EpochRow], epochs: int) -> None:
        """See Reporter."""
        self.said = time.monotonic()
        self.note(epoch_line(rows, epochs))

    def close(self) -> None:
        """See Reporter."""


class Bars(Lines):
    """A bar that stays at the bottom, with the lines of the epochs above it."""

    progress: Progress | None = None

    def _show(self, what: str, done: int, total: int, words: str) -> None:
        """Move the bar of a piece of work; a new one for new work."""
        if self.progress is None or self.progress.tasks[0].description != what:
            self.close()
            work = (TextColumn("{task.description}"), BarColumn(bar_width=None))
            said = (TextColumn("{task.fields[words]}"), TimeElapsedColumn())
            left = (TextColumn("ETA"), TimeRemainingColumn())
            self.progress = Progress(*work, *said, *left, console=self.console, transient=True)
            self.progress.add_task(what, words="")
            self.progress.start()
        self.progress.update(self.progress.task_ids[0], completed=done, total=total, words=words)

    def counted(self, what: str, done: int, total: int) -> None:
        """See Reporter."""
        self._show(what, done, total, f"{done:,}/{total:,}")

    def step(self, row: EpochRow, epochs: int, steps: int) -> None:
        """See Reporter."""
        self._show("training", row.step, steps, step_words(row, epochs, steps))

    def close(self) -> None:
        """See Reporter."""
        if self.progress is not None:
            self.progress.stop()
        self.progress = None
