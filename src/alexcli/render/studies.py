"""The tables of alexcli ablate."""

import statistics
from typing import Any

from alexcli.errors import plural
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
    rows, exact = [], []
    for arm in study.arms:
        compared = {one.metric: one for one in arm.differences}
        for metric in arm.values:
            shown, numbers = _rows(arm, metric, compared.get(metric))
            rows.append(shown)
            exact.append(numbers)
    reached = f"; epochs until the training error is {percent(study.threshold)}"
    notes = [
        *(f"{arm.name}: {'; '.join(arm.changes)}" for arm in study.arms if arm.changes),
        f"claim: {study.claim}",
        f"{study.setting}; centre-crop errors on {study.n:,} pictures (the claims are of ten "
        "crops), differences paired by seed" + (reached if study.threshold else ""),
        *([f"not finished: {plural(study.missing, 'run')}"] if study.missing else []),
    ]
    title = f"{study.name}: {study.about}"
    for_csv = Table(title, [*COLUMNS[:-1], "verdict"], exact)
    return Table(title, COLUMNS, rows, note="\n".join(notes), exact=for_csv)


def _rows(arm: ArmResult, metric: str, found: Difference | None) -> tuple[list[Any], list[Any]]:
    """A metric of an arm for people, and exactly."""
    values = [value for value in arm.values[metric].values() if value is not None]
    mean = statistics.fmean(values) if values else None
    shown = _value(metric, mean)
    if len(values) > 1:
        shown = f"{shown.rstrip('%')} ± {_value(metric, statistics.stdev(values))}"
    reached, exact = [arm.name, NAMES[metric], shown], [arm.name, metric, mean, len(values)]
    if not found:
        return [*reached, len(values), *[""] * 5], [*exact, *[None] * 5]
    mean_gap, low, high, *claims = (
        _gap(metric, gap) for gap in (found.mean, found.low, found.high, found.paper, found.notes)
    )
    interval, bounds = "-", None
    if found.low is not None:
        interval, bounds = f"{low} to {high}", f"{found.low} to {found.high}"
    return (
        [*reached, found.seeds, mean_gap, interval, *claims, found.verdict],
        [*exact, found.mean, bounds, found.paper, found.notes, found.verdict],
    )


def _value(metric: str, value: float | None) -> str:
    if value is None:
        return "not reached" if metric == "epochs" else "-"
    return f"{value:.1f}" if metric == "epochs" else percent(value)


def _gap(metric: str, gap: float | str | None) -> str:
    """A difference in points, a ratio, or the word of a claim without a number."""
    if gap is None or isinstance(gap, str):
        return gap or "-"
    return f"{gap:.2f} times" if metric == "epochs" else f"{100 * gap:+.2f}"
