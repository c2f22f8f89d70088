"""Figure 1 for any runs: error against epochs, steps or time, and when it crosses a threshold."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from alexcli.analysis.run_groups import group_runs
from alexcli.errors import UsageError
from alexcli.records.analysis import Analysis, Level, Line, LinesPanel
from alexcli.records.history import RunHistory
from alexcli.schema import AnalyzeSpec
from alexcli.tables import Table

KEYS = ("split", "against", "threshold")
"""The keys of `AnalyzeSpec` that it reads."""
UNITS = {"epoch": "epochs", "step": "updates", "time": "seconds of training"}
"""Values of `against`, and the units of the horizontal axis."""
SPLITS = {"val": "validation", "train_eval": "training", "train": "running training"}
"""Values of `split`, and the names of their errors."""
MOST_NOT_NAMED = 6
"""Most settings that a note lists."""

ERRORS = ("last error", "spread", "lowest")
"""Columns of errors."""

Rows = list[dict[str, Any]]
Floats = npt.NDArray[np.float64]
Curve = tuple[Floats, Floats]
"""Where the errors of a run were measured, and the errors; both (passes,)."""


def run(spec: AnalyzeSpec, histories: Sequence[RunHistory]) -> Analysis:
    """Draw the error of each run; runs that differ only in their seeds form one band.

    Args:
        spec: `split`, `against`, `threshold`.
        histories: the runs.

    Raises:
        UsageError: `split` or `against` is not allowed, or a run did not measure the split.
    """
    _check_choice("against", spec.against, UNITS)
    _check_choice("split", spec.split, SPLITS)
    unit = UNITS[spec.against]
    split = SPLITS[spec.split]
    lines: dict[str, Line] = {}
    rows: list[dict[str, Any]] = []
    grouped = group_runs(histories)
    for name, members in grouped.groups.items():
        curves = _curves(name, [member.rows for member in members], spec)
        x, y = _common_passes(curves)
        lines[name] = Line(x.mean(0), y.mean(0), low=y.min(0), high=y.max(0))
        row = {
            "runs": name,
            "n": len(y),
            "last error": float(y[:, -1].mean()),
            "spread": float(y[:, -1].std(ddof=1)) if len(y) > 1 else None,
            "lowest": min(float(errors.min()) for _, errors in curves),
        }
        if spec.threshold is not None:
            row |= _crossing_columns(curves, spec.threshold, unit, rows)
        rows.append(row)
    title = f"{split} error (runs: {len(histories)})"
    return Analysis(
        title,
        [_table(title, rows, spec.threshold, unit, grouped.not_named)],
        [_panel(lines, unit, split, spec.threshold)],
        caption=_caption(most_seeds=max(row["n"] for row in rows)),
    )


def _caption(most_seeds: int) -> str:
    """The caption; the legend names the runs."""
    bands = " Lines: means over seeds; bands: from the lowest to the highest seed."
    return f"In the form of Figure 1.{bands if most_seeds > 1 else ''}"


def _crossing_columns(
    curves: Sequence[Curve], threshold: float, unit: str, rows: Rows
) -> dict[str, Any]:
    """When the seeds of a group reach a threshold, and the ratio to the first group.

    Args:
        curves: of the seeds, each in full length: a run may stop when it reaches the threshold.
        threshold: a fraction.
        unit: of the curves' horizontal axis.
        rows: of the preceding groups.
    """
    column = f"{unit} to {threshold:.0%}"
    positions = [crossing(*curve, threshold) for curve in curves]
    crossings = [position for position in positions if position is not None]
    mean_crossing = float(np.mean(crossings)) if crossings else None
    first_crossing = rows[0][column] if rows else mean_crossing
    return {
        column: mean_crossing,
        "ratio": _ratio(mean_crossing, first_crossing),
        "reached by": f"{len(crossings)} of {len(curves)}",
    }


def _table(
    title: str, rows: Rows, threshold: float | None, unit: str, not_named: Sequence[str]
) -> Table:
    """Errors, in percent for people and as fractions for programs."""
    note = "spread: standard deviation between seeds"
    if threshold is not None:
        note += (
            f"; {unit} to {threshold:.0%}: interpolated linearly between two passes, mean of "
            "the runs that reached it; ratio: to the first row"
        )
    if not_named:
        note += f"; the runs also differ in {_listed(not_named)}"
    return Table.from_records(title, rows, note, fractions=ERRORS)


def _listed(keys: Sequence[str]) -> str:
    """The keys as text for a note, or as many as it has room for."""
    others = len(keys) - MOST_NOT_NAMED
    listed = ", ".join(keys[:MOST_NOT_NAMED])
    return f"{listed} and {others:,} more" if others > 0 else listed


def _panel(lines: dict[str, Line], unit: str, split: str, threshold: float | None) -> LinesPanel:
    """The curves, with the threshold if there is one."""
    level = None
    if threshold is not None:
        level = Level(threshold, f"threshold {threshold:.0%}")
    return LinesPanel(
        lines, x_label=unit, y_label=f"top-1 {split} error", level=level, y_unit="percent"
    )


def crossing(x: Floats, y: Floats, threshold: float) -> float | None:
    """Where a curve first falls to a threshold, interpolated linearly; None if it never does.

    Args:
        x: (n,) where the curve was measured.
        y: (n,) its values.
        threshold: in the unit of `y`.
    """
    i = int(np.argmax(y <= threshold))
    if y[i] > threshold:
        return None
    if i == 0:
        return float(x[0])
    share = (threshold - y[i]) / (y[i - 1] - y[i])
    return float(x[i] - (x[i] - x[i - 1]) * share)


def _check_choice(key: str, value: str, allowed: dict[str, str]) -> None:
    """Raise UsageError for a value that is not allowed."""
    if value not in allowed:
        names = list(allowed)
        raise UsageError(
            f"{key}={value} is not one of {', '.join(names)}", hint=f"{key}={names[0]}"
        )


def _curves(name: str, members: Sequence[Rows], spec: AnalyzeSpec) -> list[Curve]:
    """The curve of each seed of a group."""
    measured = [[row for row in rows if row["split"] == spec.split] for rows in members]
    if not all(measured):
        raise UsageError(
            f"{name} has no lines of split {spec.split}",
            hint="alexcli train trainer.train_eval=true measures train_eval",
        )
    return [
        (np.array([row[spec.against] for row in rows]), np.array([row["top1_err"] for row in rows]))
        for rows in measured
    ]


def _common_passes(curves: Sequence[Curve]) -> tuple[Floats, Floats]:
    """The passes that every seed has: their positions, and the errors, (seeds, passes)."""
    passes = min(len(errors) for _, errors in curves)
    x = np.array([positions[:passes] for positions, _ in curves])
    y = np.array([errors[:passes] for _, errors in curves])
    return x, y


def _ratio(value: float | None, reference: float | None) -> float | None:
    """The ratio; None if either value is missing or 0."""
    return value / reference if value and reference else None
