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


def study_table(study: StudyResult) -> Table:
    """A row for each arm and metric, in percent and points, as fractions for csv."""
    found = [
        (arm, metric, next((one for one in arm.differences if one.metric == metric), None))
        for arm in study.arms
        for metric in arm.values
    ]
    reached = f"; epochs until the training error is {percent(study.threshold)}"
    notes = [
        *(f"{arm.name}: {'; '.join(arm.changes)}" for arm in study.arms if arm.changes),
        f"claim: {study.claim}",
        f"{study.setting}; centre-crop errors on {study.n:,} pictures (the claims are of ten "
        "crops), differences paired by seed" + (reached if study.threshold else ""),
        *([f"{study.missing} runs are not finished"] if study.missing else []),
    ]
    title = f"{study.name}: {study.about}"
    exact = Table(title, [*COLUMNS[:-1], "verdict"], [_exact(*one) for one in found])
    rows = [_shown(*one) for one in found]
    return Table(title, COLUMNS, rows, note="\n".join(notes), exact=exact)


def _reached(arm: ArmResult, metric: str) -> list[float]:
    return [value for value in arm.values[metric].values() if value is not None]


def _exact(arm: ArmResult, metric: str, found: Difference | None) -> list[Any]:
    values = _reached(arm, metric)
    first = [arm.name, metric, statistics.fmean(values) if values else None, len(values)]
    if not found:
        return [*first, *[None] * 5]
    interval = None if found.low is None else f"{found.low} to {found.high}"
    return [*first, found.mean, interval, found.paper, found.notes, found.verdict]


def _shown(arm: ArmResult, metric: str, found: Difference | None) -> list[Any]:
    values = _reached(arm, metric)
    shown = _value(metric, statistics.fmean(values) if values else None)
    if len(values) > 1:
        shown = f"{shown.rstrip('%')} ± {_value(metric, statistics.stdev(values))}"
    if not found:
        return [arm.name, NAMES[metric], shown, len(values), *[""] * 5]
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
