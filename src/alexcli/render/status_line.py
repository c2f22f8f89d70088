"""A line of the status of a training that fits the terminal: columns are dropped by rank."""

from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

from alexcli.records.training import EpochRow
from alexcli.render.tables import percent


class Column(NamedTuple):
    """A part of a line."""

    text: str
    rank: int
    """Columns of the highest rank are dropped first; those of rank 0 always stay."""
    heading: str = ""
    """Shown once before adjacent columns that share it, such as `train`."""


def fit(columns: Sequence[Column], width: int | None = None) -> str:
    """One line of columns.

    Args:
        columns: in the order of the line.
        width: characters; columns are dropped until the rest fits. None takes all.
    """
    remaining = list(columns)
    line = _joined(remaining)
    while width is not None and len(line) > width:
        least = max(remaining, key=lambda column: column.rank)
        if least.rank == 0:
            break
        remaining.remove(least)
        line = _joined(remaining)
    return line


def _joined(columns: Sequence[Column]) -> str:
    """Columns with two spaces between them, or one if they share a heading."""
    parts = []
    for heading, neighbours in groupby(columns, key=lambda column: column.heading):
        texts = [column.text for column in neighbours]
        parts += [" ".join([heading, *texts])] if heading else texts
    return "  ".join(parts)


def epoch_columns(rows: Sequence[EpochRow], epochs: int) -> list[Column]:
    """The columns for an epoch that has ended.

    Args:
        rows: one for each split that was measured.
        epochs: epochs of the whole run.
    """
    first = rows[0]
    columns = [Column(f"epoch {first.epoch}/{epochs}", 0)]
    for row in rows:
        is_training = row.split == "train"
        loss_rank, error_rank, top5_rank = (2, 3, 8) if is_training else (4, 1, 5)
        columns.append(Column(f"loss {row.loss:.3f}", loss_rank, row.split))
        columns.append(Column(f"error {percent(row.top1_err)}", error_rank, row.split))
        if row.top5_err is not None:
            columns.append(Column(f"top-5 {percent(row.top5_err)}", top5_rank, row.split))
    columns.append(Column(f"lr {first.lr:g}", 7))
    columns.append(Column(f"{first.images_per_s:,.0f} images/s", 6))
    return columns


def step_columns(row: EpochRow, epochs: int, steps: int) -> list[Column]:
    """The columns for the progress of training.

    Args:
        row: the running epoch so far.
        epochs: epochs of the whole run.
        steps: updates of the whole run.
    """
    return [
        Column(f"epoch {row.epoch}/{epochs}", 0),
        Column(f"step {row.step:,}/{steps:,}", 4),
        Column(f"loss {row.loss:.3f}", 1),
        Column(f"error {percent(row.top1_err)}", 2),
        Column(f"lr {row.lr:g}", 5),
        Column(f"{row.images_per_s:,.0f} im/s", 3),
    ]
