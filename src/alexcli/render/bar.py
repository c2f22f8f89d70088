"""A progress bar that fits the terminal, even if that is resized meanwhile."""

from collections.abc import Iterable, Sequence

from rich.console import Console, RenderableType
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from alexcli.render.status_line import Column, fit

WIDTH_WITH_BAR = 50
"""Least width, in characters, with room for the bar itself."""
SHORTEST_BAR = 10
TIME = len("0:00:00")


class FittingBar(Progress):
    """One task: its name, a bar, its status, the elapsed and the remaining time.

    Args:
        console: where the bar is drawn.
        task: what is done; "" if the status says it.
    """

    def __init__(self, console: Console, task: str) -> None:
        # Results go to stdout, and never through a bar.
        super().__init__(console=console, transient=True, redirect_stdout=False)
        self.add_task(task, total=None, status=())

    def move(self, completed: int, total: int | None, status: Sequence[Column]) -> None:
        """Move the bar.

        Args:
            completed: items that are finished.
            total: items of the whole work; None if unknown.
            status: shown beside the bar, as far as there is room.
        """
        self.update(self.task_ids[0], completed=completed, total=total, status=status)

    def get_renderables(self) -> Iterable[RenderableType]:
        """The columns for which the terminal has room now."""
        if self.tasks:
            self.columns = _columns(self.tasks[0], self.console.width)
        yield self.make_tasks_table(self.tasks)


def _columns(task: Task, width: int) -> tuple[str | ProgressColumn, ...]:
    """The columns of a bar on a terminal of the given width, in characters."""
    description = _shortened(task.description, width // 3)
    taken = len(description) + 1
    bar: list[ProgressColumn] = []
    if width >= WIDTH_WITH_BAR:
        bar = [BarColumn(bar_width=None)]
        taken += SHORTEST_BAR + 1
    left: list[ProgressColumn] = []
    if task.time_remaining is not None:
        left = [TextColumn("ETA"), TimeRemainingColumn()]
        taken += len("ETA") + 1 + TIME + 1
    whole = fit(task.fields["status"])
    # The elapsed time shows progress before anything else does.
    has_elapsed = not left or len(whole) + taken + TIME + 1 <= width
    times = [TimeElapsedColumn()] if has_elapsed else []
    status = fit(task.fields["status"], max(0, width - taken - (TIME + 1) * len(times)))
    texts = [_text(description)] if description else []
    return (*texts, *bar, *([_text(status)] if status else []), *times, *left)


def _text(text: str) -> TextColumn:
    """A column of literal text, because a name may contain braces."""
    return TextColumn(text.replace("{", "{{").replace("}", "}}"), markup=False)


def _shortened(text: str, most: int) -> str:
    """Text cut to a number of characters."""
    return text if len(text) <= most else f"{text[: most - 1]}…"
