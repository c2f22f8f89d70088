"""The tables of `alexcli ablate`."""

import statistics
from collections.abc import Callable
from typing import Any

from alexcli.errors import plural
from alexcli.records.study import ArmResult, Difference, StudyResult
from alexcli.render.tables import percent
from alexcli.tables import Table

METRIC_NAMES = {
    "top1_err": "top-1 error",
    "top5_err": "top-5 error",
    "train_err": "training error",
    "epochs": "epochs",
}
VERDICT = ""
"""The last column, which needs no head for people; csv calls it `verdict`."""
COLUMNS = [
    "arm",
    "metric",
    "mean",
    "seeds",
    "difference",
    "95% interval",
    "paper",
    "notes",
    VERDICT,
]
EXACT_COLUMNS = [*COLUMNS[:-1], "verdict"]


def study_table(study: StudyResult) -> Table:
    """A row for each arm and metric, in percent and points; as fractions for csv."""
    rows = []
    exact_rows = []
    for arm in study.arms:
        differences = {difference.metric: difference for difference in arm.differences}
        for metric in arm.values:
            difference = differences.get(metric)
            rows.append(_row(arm, metric, difference))
            exact_rows.append(_exact_row(arm, metric, difference))
    title = f"{study.name}: {study.about}"
    return Table.from_records(
        title,
        rows,
        "\n".join(_notes(study)),
        columns=COLUMNS,
        exact=Table.from_records(title, exact_rows, columns=EXACT_COLUMNS),
    )


def _notes(study: StudyResult) -> list[str]:
    """What each arm changes, the claim, the setting, and what is missing."""
    notes = [f"{arm.name}: {'; '.join(arm.changes)}" for arm in study.arms if arm.changes]
    notes.append(f"claim: {study.claim}")
    setting = (
        f"{study.setting}; centre-crop errors on {study.n:,} images (the claims are of ten "
        "crops), differences paired by seed"
    )
    if study.threshold:
        setting += f"; epochs until the training error is {percent(study.threshold)}"
    notes.append(setting)
    if study.missing:
        notes.append(f"not finished: {plural(study.missing, 'run')}")
    return notes


def _reached(arm: ArmResult, metric: str) -> list[float]:
    """The values of the seeds that reached the metric."""
    return [value for value in arm.values[metric].values() if value is not None]


def _row(arm: ArmResult, metric: str, difference: Difference | None) -> dict[str, Any]:
    """A metric of an arm for people."""
    values = _reached(arm, metric)
    mean = _format_value(metric, statistics.fmean(values) if values else None)
    if len(values) > 1:
        spread = _format_value(metric, statistics.stdev(values))
        mean = f"{mean.rstrip('%')} ± {spread}"
    row: dict[str, Any] = dict.fromkeys(COLUMNS, "")
    row["arm"] = arm.name
    row["metric"] = METRIC_NAMES[metric]
    row["mean"] = mean
    row["seeds"] = len(values)
    if difference is not None:
        row["seeds"] = difference.seeds
        row["difference"] = _format_gap(metric, difference.mean)
        row["95% interval"] = _interval(difference, lambda gap: _format_gap(metric, gap)) or "-"
        row["paper"] = _format_gap(metric, difference.paper)
        row["notes"] = _format_gap(metric, difference.notes)
        row[VERDICT] = difference.verdict
    return row


def _exact_row(arm: ArmResult, metric: str, difference: Difference | None) -> dict[str, Any]:
    """A metric of an arm as it was measured."""
    values = _reached(arm, metric)
    row: dict[str, Any] = dict.fromkeys(EXACT_COLUMNS)
    row["arm"] = arm.name
    row["metric"] = metric
    row["mean"] = statistics.fmean(values) if values else None
    row["seeds"] = len(values)
    if difference is not None:
        row["difference"] = difference.mean
        row["95% interval"] = _interval(difference, str)
        row["paper"] = difference.paper
        row["notes"] = difference.notes
        row["verdict"] = difference.verdict
    return row


def _interval(difference: Difference, form: Callable[[float | None], str]) -> str | None:
    """`low to high`, or None where a single seed gives no interval."""
    if difference.low is None:
        return None
    return f"{form(difference.low)} to {form(difference.high)}"


def _format_value(metric: str, value: float | None) -> str:
    """An error in percent, or a number of epochs."""
    if value is None:
        return "not reached" if metric == "epochs" else "-"
    return f"{value:.1f}" if metric == "epochs" else percent(value)


def _format_gap(metric: str, gap: float | str | None) -> str:
    """A difference in points, a ratio, or the word of a claim without a number."""
    if gap is None or isinstance(gap, str):
        return gap or "-"
    return f"{gap:.2f} times" if metric == "epochs" else f"{100 * gap:+.2f}"
