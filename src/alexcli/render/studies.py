"""The tables of alexcli ablate."""

import statistics
from typing import Any

from alexcli.render.tables import percent
from alexcli.results import ArmResult, Difference, StudyResult, Table

NAMES = {
    "top1_err": "top-1 error",
    "top5_err": "top-5 error",
    "train_err": "training error",
    "epochs": "epochs",
}
COLUMNS = ["arm", "metric", "mean", "seeds", "difference", "95% interval", "paper", "notes", ""]


def study_table(study: StudyResult, *, numbers: bool = False) -> Table:
    """A row for each arm and metric; for people in percent and points, else as fractions."""
    rows = []
    for arm in study.arms:
        known = {found.metric: found for found in arm.differences}
        for metric in arm.values:
            rows.append(_row(arm, metric, known.get(metric), numbers=numbers))
    reached = f"; epochs until the training error is {percent(study.threshold)}"
    notes = [
        *(f"{arm.name}: {'; '.join(arm.changes)}" for arm in study.arms if arm.changes),
        f"claim: {study.claim}",
        f"{study.setting}; centre-crop errors on {study.n:,} pictures (the claims are of ten "
        "crops), differences paired by seed" + (reached if study.threshold else ""),
        *([f"{study.missing} runs are not finished"] if study.missing else []),
    ]
    columns = COLUMNS if not numbers else [*COLUMNS[:-1], "verdict"]
    return Table(f"{study.name}: {study.about}", columns, rows, note="\n".join(notes))


def _row(arm: ArmResult, metric: str, found: Difference | None, *, numbers: bool) -> list[Any]:
    values = [value for value in arm.values[metric].values() if value is not None]
    mean = statistics.fmean(values) if values else None
    spread = statistics.stdev(values) if len(values) > 1 else None
    if numbers:
        last: list[Any] = [None] * 5
        if found:
            interval = None if found.low is None else f"{found.low} to {found.high}"
            last = [found.mean, interval, found.paper, found.notes, found.verdict]
        return [arm.name, metric, mean, len(values), *last]
    shown = _value(metric, mean)
    if spread is not None:
        shown = f"{shown.rstrip('%')} ± {_value(metric, spread)}"
    if not found:
        return [arm.name, NAMES[metric], shown, len(values), "", "", "", "", ""]
    interval = "-"
    if found.low is not None and found.high is not None:
        interval = f"{_gap(metric, found.low)} to {_gap(metric, found.high)}"
    claims = [_gap(metric, claim) for claim in (found.paper, found.notes)]
    first = [arm.name, NAMES[metric], shown, found.seeds]
    return [*first, _gap(metric, found.mean), interval, *claims, found.verdict]


def _value(metric: str, value: float | None) -> str:
    if value is None:
        return "not reached" if metric == "epochs" else "-"
    return f"{value:.1f}" if metric == "epochs" else percent(value)


def _gap(metric: str, gap: float | str | None) -> str:
    """A difference in points, a ratio, or the word of a claim without a number."""
    if gap is None or isinstance(gap, str):
        return gap or "-"
    return f"{gap:.2f} times" if metric == "epochs" else f"{100 * gap:+.2f}"
