"""A run in one session, and the same killed after its third row and resumed from its second."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from alexcli.lit.loggers.base import LoggedRun, RowLogger
from alexcli.lit.loggers.open import Loggers
from alexcli.records.training import EpochRow
from alexcli.reporter import NullReporter

Start = Callable[[LoggedRun], RowLogger]
"""Opens a logger."""


def row(epoch: int, split: str = "val", *, loss: float | None = None) -> dict[str, Any]:
    """A line of metrics.jsonl of a run with three updates in an epoch."""
    return asdict(
        EpochRow(
            step=3 * epoch,
            epoch=epoch,
            split=split,
            loss=1 / epoch if loss is None else loss,
            top1_err=0.5,
            top5_err=None,
            lr=0.01,
            images_per_s=9.0,
            time=float(epoch),
        )
    )


ROWS = [row(epoch, split) for epoch in (1, 2) for split in ("train", "val")]


def run_in(directory: Path, rows: list[dict[str, Any]]) -> LoggedRun:
    """A run that goes on after some rows."""
    directory.mkdir(parents=True, exist_ok=True)
    return LoggedRun(
        directory=directory,
        config={"optim": {"lr": 0.01}, "label": None},
        settings={"optim.lr": 0.01, "label": None},
        rows=rows,
    )


def session(start: Start, run: LoggedRun, rows: list[dict[str, Any]], *, killed: bool) -> None:
    """Open a logger, and record rows; a killed session does not close it."""
    logger = start(run)
    loggers = Loggers({"it": logger}, NullReporter())
    for each in [*run.rows, *rows]:
        loggers.record(each)
    if not killed:
        loggers.close("finished")


def in_one_session(start: Start, directory: Path) -> None:
    """Record all rows."""
    session(start, run_in(directory, []), ROWS, killed=False)


def killed_and_resumed(start: Start, directory: Path) -> None:
    """Record three rows; then go on from a checkpoint after the second."""
    session(start, run_in(directory, []), ROWS[:3], killed=True)
    session(start, run_in(directory, ROWS[:2]), ROWS[2:], killed=False)
