"""Showing the progress of a run on stderr: bars on a terminal, plain lines elsewhere."""

import contextlib
import functools
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from alexcli.records.training import EpochRow
from alexcli.render.escape import printable
from alexcli.render.status_line import Column, epoch_columns, fit, step_columns
from alexcli.render.waiting import Waiting
from alexcli.render.wrapping import wrap_sentences
from alexcli.reporter import Reporter

if TYPE_CHECKING:  # rich would slow down every press of Tab
    from rich.console import Console

    from alexcli.render.bar import FittingBar

_active: "set[LineReporter]" = set()
"""Reporters with a bar or with work that reports nothing itself. A bar draws itself until it is
ended, so its reporter is kept here even if nothing else refers to it.
"""


def make_reporter() -> Reporter:
    """A reporter with bars if stderr is a terminal, with lines otherwise."""
    from rich.console import Console

    console = Console(stderr=True, highlight=False)
    return BarReporter(console) if console.is_terminal else LineReporter(console)


def close_reporters() -> None:
    """End every bar, before a result, an error or a question is shown."""
    _end_all_but(None)


def _end_all_but(exempt: "LineReporter | None") -> None:
    """End the bars of other reporters, because one terminal has room for one."""
    for reporter in list(_active):
        if reporter is not exempt:
            reporter.end()


@contextlib.contextmanager
def starting() -> Iterator[None]:
    """Show that a command is starting, if it takes long to show anything, as during its imports."""
    make_reporter().busy("starting")
    try:
        yield
    finally:
        close_reporters()


def duration(seconds: float) -> str:
    """Seconds for people: 1:30, or 1:01:40."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}:{minutes:02}:{seconds:02}"
    return f"{minutes}:{seconds:02}"


class LineReporter:
    """A line for each epoch, and more during long ones: often at first, then every half minute.

    Args:
        console: where the lines go.
    """

    SECONDS_BETWEEN_FIRST_LINES = 5.0
    """Used in the first minute of a piece of work."""
    SECONDS_BETWEEN_LINES = 30.0
    FIRST_LINES_END = 60.0
    """Seconds."""
    SECONDS_BEFORE_BAR = 1.0
    """Work of unknown length that ends sooner draws no bar."""

    def __init__(self, console: "Console") -> None:
        self.console = console
        self._last_line = time.monotonic()
        """When the last of the lines that are limited in time was shown."""
        self._first_step: tuple[int, float] | None = None
        """The first step that was reported, and when."""
        self._task = ""
        """What is being done."""
        self._task_began = self._last_line
        self._waiting: Waiting | None = None
        """The work in progress that reports nothing itself."""

    def note(self, text: str) -> None:
        """See Reporter."""
        self.console.print(printable(text, lines=True), markup=False, soft_wrap=True)

    def warn(self, text: str) -> None:
        """See Reporter."""
        self.note(f"warning: {text}")

    def busy(self, task: str) -> None:
        """See Reporter."""
        _end_all_but(self)
        self.end()
        self._wait(task, self.SECONDS_BETWEEN_FIRST_LINES)

    def still_busy(self, task: str, seconds: float) -> None:
        """Show that work of unknown length is still in progress.

        Args:
            task: what is done.
            seconds: since it began.
        """
        self._show_line(f"{task}: {seconds:.0f} s")

    def progress(self, task: str, completed: int, total: int) -> None:
        """See Reporter."""
        self._begin(task)
        if self._is_due():
            self._show_line(f"{task}: {completed:,} of {total:,}")

    def step(self, row: EpochRow, epochs: int, steps: int) -> None:
        """See Reporter."""
        self._begin("training")
        if self._first_step is None:
            self._first_step = (row.step, time.monotonic())
        if self._is_due():
            line = fit(step_columns(row, epochs, steps))
            self._show_line(f"{line}  ETA {self._eta(row.step, steps)}")

    def epoch(self, rows: list[EpochRow], epochs: int) -> None:
        """See Reporter."""
        self._show_line(fit(epoch_columns(rows, epochs)))

    def close(self) -> None:
        """See Reporter."""
        self.end()
        close_reporters()

    def end(self) -> None:
        """End whatever is in progress in this reporter."""
        if self._waiting is not None:
            self._waiting.stop()
        self._waiting = None
        _active.discard(self)

    def _begin(self, task: str) -> None:
        """End work of unknown length, and note when a new piece of work begins."""
        _end_all_but(self)
        self.end()
        if task != self._task:
            self._task = task
            self._task_began = time.monotonic()

    def _wait(self, task: str, seconds: float) -> None:
        """Begin to wait for work of unknown length.

        Args:
            task: what is done.
            seconds: after which `still_busy` is called for the first time, and between two calls.
        """
        self._waiting = Waiting(functools.partial(self.still_busy, task), seconds)
        _active.add(self)
        self._waiting.start()

    def _is_due(self) -> bool:
        """Whether enough time has passed since the last line."""
        now = time.monotonic()
        is_young = now - self._task_began < self.FIRST_LINES_END
        pause = self.SECONDS_BETWEEN_FIRST_LINES if is_young else self.SECONDS_BETWEEN_LINES
        return now - self._last_line >= pause

    def _show_line(self, text: str) -> None:
        """Show a line, and note the time for the next one."""
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

    bar: "FittingBar | None" = None
    """The bar of the current piece of work."""

    def note(self, text: str) -> None:
        """See Reporter; a sentence breaks between words, and is shown above a bar."""
        text = wrap_sentences(printable(text, lines=True), self.console.width)
        bars = [reporter.bar for reporter in list(_active) if isinstance(reporter, BarReporter)]
        consoles = [bar.console for bar in bars if bar is not None]
        console = consoles[0] if consoles else self.console
        console.print(text, markup=False, soft_wrap=True)

    def busy(self, task: str) -> None:
        """See Reporter."""
        _end_all_but(self)
        self.end()
        self._wait(task, self.SECONDS_BEFORE_BAR)

    def still_busy(self, task: str, seconds: float) -> None:
        """See LineReporter."""
        if self.bar is None:
            self._move_bar(task, 0, None, [])

    def progress(self, task: str, completed: int, total: int) -> None:
        """See Reporter."""
        self._move_bar(task, completed, total, [Column(f"{completed:,}/{total:,}", 1)])

    def step(self, row: EpochRow, epochs: int, steps: int) -> None:
        """See Reporter."""
        self._move_bar("", row.step, steps, step_columns(row, epochs, steps))

    def epoch(self, rows: list[EpochRow], epochs: int) -> None:
        """See Reporter."""
        self.note(fit(epoch_columns(rows, epochs), self.console.width))

    def end(self) -> None:
        """See LineReporter."""
        super().end()
        if self.bar is not None:
            self.bar.stop()
        self.bar = None

    def _move_bar(
        self, task: str, completed: int, total: int | None, status: Sequence[Column]
    ) -> None:
        """Move the bar; other work gets a new one."""
        task = printable(task)
        if self.bar is None or self.bar.tasks[0].description != task:
            _end_all_but(self)
            self.end()
            from alexcli.render.bar import FittingBar

            _active.add(self)
            self.bar = FittingBar(self.console, task)
            self.bar.start()
        self.bar.move(completed, total, status)
