"""The tables of `alexcli ablate`."""

import statistics
from collections.abc import Callable, Sequence
from typing import Any

from alexcli.ablation.median import Median, median_of
from alexcli.ablation.recorded import file_name
from alexcli.ablation.verdicts import decided_by_ranks, median_beside_mean, seeds_above
from alexcli.errors import plural
from alexcli.records.study import ArmResult, Difference, Precision, StudyResult
from alexcli.render.tables import percent
from alexcli.tables import Table

METRIC_NAMES = {
    "top1_err": "top-1 error",
    "top5_err": "top-5 error",
    "train_err": "training error",
    "epochs": "epochs",
}
VERDICT = ""
"""The last column, which needs no header for people; csv calls it `verdict`."""
COLUMNS = [
    "arm",
    "metric",
    "mean",
    "seeds",
    "difference",
    "95% interval",
    "r",
    "paper",
    "notes",
    VERDICT,
]
EXACT_COLUMNS = [*COLUMNS[:-1], "verdict"]


def overview(studies: Sequence[StudyResult]) -> Table:
    """A row for each arm of several studies, in its study's metric."""
    rows = [
        {
            "study": study.name,
            "setting": study.setting if study.kind == "chosen" else study.kind,
            "arm": arm.name,
            "compared": METRIC_NAMES[difference.metric],
            "seeds": difference.seeds,
            "higher in": seeds_above(difference),
            "difference": _difference_cell(difference),
            "95% interval": _format_interval(study.metric, difference),
            "paper": _format_gap(study.metric, difference.paper),
            "notes": _format_gap(study.metric, difference.notes),
            "verdict": difference.verdict,
        }
        for study in studies
        for arm in study.arms
        for difference in arm.differences
        if difference.metric == study.metric
    ]
    compared = studies[0].compared
    note = (
        "differences: arm minus baseline in points, ratios for epochs, the mean over seeds; higher "
        "in: seeds whose arm was above the baseline; median: told, with its interval, where it is "
        "more than a point from the mean; mechanism: a setting in which the effect can show, "
        "plain: that of the quick start; verdicts allow for "
        f"{plural(compared, 'comparison')} (Holm), intervals do not"
    )
    failed = [
        f"{file_name(study)}/{arm.name} {len(arm.not_learned):,} of {len(arm.values['top1_err']):,}"
        for study in studies
        for arm in study.arms
        if arm.not_learned
    ]
    if failed:
        note += f"; nets that did not learn: {', '.join(failed)}"
    wide = [text for study in studies if (text := _missed_precision(study))]
    if wide:
        note += (
            "; wider than the precision that --seeds auto aims at, with the seeds that it would "
            f"take: {', '.join(wide)}"
        )
    return Table.from_records("recorded studies", rows, note)


def _difference_cell(difference: Difference) -> str:
    """The mean difference or its bound, and the median if a few seeds dominate the mean."""
    cell = _format_bound(difference, _format_gap(difference.metric, difference.mean))
    median = median_beside_mean(difference)
    return cell if median is None else f"{cell}, {_format_median(difference.metric, median)}"


def _missed_precision(study: StudyResult) -> str:
    """The widest interval of a study that did not reach its precision; empty for others."""
    precision = study.precision
    if precision is None or precision.seeds_wanted is None or precision.reached is None:
        return ""
    reached = _format_width(study.metric, precision.reached)
    return f"{file_name(study)} {reached} ({precision.seeds_wanted:,})"


def study_table(study: StudyResult) -> Table:
    """A row for each arm and metric, in percent and percentage points; as fractions for csv."""
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


def outcome_table(study: StudyResult) -> Table:
    """The result of each arm in a sentence, for screens that have no room for columns."""
    rows = [
        {"arm": arm.name, "outcome": _outcome(difference)}
        for arm in study.arms
        for difference in arm.differences
        if difference.metric == study.metric
    ]
    return Table.from_records("what came out", rows)


def _outcome(difference: Difference) -> str:
    """The verdict, the difference with its interval, the median if it differs, and the claim."""
    metric = difference.metric
    gap = _format_bound(difference, _format_gap(metric, difference.mean))
    unit = "" if metric == "epochs" else " points"
    text = f"{difference.verdict}: {METRIC_NAMES[metric]} {gap}{unit}"
    text = text.removeprefix("-: ")  # the paper claims nothing
    if difference.low is not None:
        text += f" ({_format_interval(metric, difference)})"
    median = median_beside_mean(difference)
    if median is not None:
        text += f", {_format_median(metric, median)}"
    text += f", {plural(difference.seeds, 'seed')}"
    if difference.paper is not None:
        text += f"; the paper: {_format_gap(metric, difference.paper)}"
    return text


def _notes(study: StudyResult) -> list[str]:
    """Notes on what each arm changes, the claim, the setting, and what is missing."""
    notes = [f"{arm.name}: {'; '.join(arm.changes)}" for arm in study.arms if arm.changes]
    notes.append(f"claim: {study.claim}")
    setting = (
        f"{study.setting}; centre-crop errors on {study.n:,} images of {study.split} (the claims "
        "are of ten crops), differences paired by seed"
    )
    if study.threshold:
        setting += f"; epochs until the training error is {percent(study.threshold)}"
    notes.append(setting)
    if study.mechanism:
        notes.append(f"a demonstration of a mechanism on synthetic images: {study.mechanism}")
    notes += _notes_on_arms(study)
    notes += _notes_on_certainty(study)
    if study.reused:
        records = (f"{plural(record.runs, 'run')} of {record.file}" for record in study.reused)
        notes.append(f"not trained again: {', '.join(records)}")
    if study.missing:
        notes.append(f"not finished: {plural(study.missing, 'run')}")
    return notes


def _notes_on_arms(study: StudyResult) -> list[str]:
    """Notes on nets that did not learn, thresholds that were not reached, and the margin."""
    notes = []
    for arm in study.arms:
        if arm.not_learned:
            seeds = ", ".join(map(str, arm.not_learned))
            total = len(arm.values["top1_err"])
            notes.append(
                f"{arm.name}: {len(arm.not_learned):,} of {total:,} nets did not learn (seeds "
                f"{seeds}); they are part of the mean, and its interval is not to be trusted"
            )
        for difference in arm.differences:
            if difference.metric != study.metric:
                continue
            if difference.reason:
                notes.append(f"{arm.name}: {difference.reason}")
            if decided_by_ranks(difference):
                notes.append(f"{arm.name}: {_ranks_note(difference)}")
    return notes


def _ranks_note(difference: Difference) -> str:
    """A note on what decided, if the interval of the mean contains no difference."""
    median = _format_median(difference.metric, median_of(difference.by_seed))
    return (
        f"higher in {seeds_above(difference):,} of {difference.seeds:,} seeds, {median}: decided "
        "by signed ranks, since a few seeds lead the mean and widen its interval"
    )


def _notes_on_certainty(study: StudyResult) -> list[str]:
    """Notes on how verdicts were corrected, whether pairing helped, and the precision reached."""
    notes = []
    if study.compared > 1:
        notes.append(f"verdicts allow for {study.compared:,} comparisons (Holm); intervals do not")
    decided = _decided(study)
    margins = {difference.margin for difference in decided if difference.margin is not None}
    if margins:
        limits = " or ".join(_format_margin(study.metric, margin) for margin in sorted(margins))
        notes.append(f"equivalent: within {limits} (two one-sided tests)")
    gains = [
        difference.pairing_gain for difference in decided if difference.pairing_gain is not None
    ]
    if gains:
        notes.append(_pairing_note(gains))
    if study.precision is not None:
        notes.append(_precision_note(study, study.precision))
    return notes


def _pairing_note(gains: Sequence[float]) -> str:
    """A note on whether pairing by seed reduced the variance of the differences."""
    helped = sum(gain > 1 for gain in gains)
    if helped == len(gains):
        verb = "helped"
    elif not helped:
        verb = "did not help"
    else:
        verb = f"helped in {helped} of {len(gains)}"
    ratios = f"{min(gains):.1f}" if len(gains) == 1 else f"{min(gains):.1f} to {max(gains):.1f}"
    return (
        f"r: correlation of arm and baseline over the seeds; pairing {verb} (variance of an "
        f"unpaired difference over that of a paired one: {ratios})"
    )


def _precision_note(study: StudyResult, precision: Precision) -> str:
    """A note on the wanted and the reached precision, and what is missing."""
    note = f"precision: {_format_width(study.metric, precision.wanted)} wanted"
    if precision.reached is None:
        return f"{note}, no interval yet"
    note += f", {_format_width(study.metric, precision.reached)} reached"
    if precision.seeds_wanted is None:
        return note
    note += f"; {precision.seeds_wanted:,} seeds would take it there"
    if any(median_beside_mean(difference) for difference in _decided(study)):
        return f"{note}; mean and median are more than a point apart: read the median"
    if precision.minutes_wanted:
        note += f", about {precision.minutes_wanted:,.0f} more minutes here"
    return f"{note}: the same command with a larger --budget goes on"


def _decided(study: StudyResult) -> list[Difference]:
    """The differences that the study is about."""
    return [
        difference
        for arm in study.arms
        for difference in arm.differences
        if difference.metric == study.metric
    ]


def _format_width(metric: str, width: float) -> str:
    """Half the width of an interval."""
    return f"± {100 * width:.1f}%" if metric == "epochs" else f"± {100 * width:.2f} points"


def _format_margin(metric: str, margin: float) -> str:
    return f"a factor of {margin:.2f}" if metric == "epochs" else f"{100 * margin:.2f} points"


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
        row["difference"] = _format_bound(difference, _format_gap(metric, difference.mean))
        row["95% interval"] = _format_interval(metric, difference)
        row["r"] = "-" if difference.correlation is None else f"{difference.correlation:+.2f}"
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
        row["r"] = difference.correlation
        row["paper"] = difference.paper
        row["notes"] = difference.notes
        row["verdict"] = difference.verdict
    return row


def _interval(difference: Difference, form: Callable[[float | None], str]) -> str | None:
    """`low to high`, or None if a single seed gives no interval.

    Of a bound only one end says anything: some differences may lie far on the other side.
    """
    if difference.low is None:
        return None
    if difference.bound == "above":
        return f"{form(difference.low)} or more"
    if difference.bound == "below":
        return f"{form(difference.high)} or less"
    return f"{form(difference.low)} to {form(difference.high)}"


def _format_interval(metric: str, difference: Difference) -> str:
    """An interval for people; a dash if there is none."""
    return _interval(difference, lambda gap: _format_gap(metric, gap)) or "-"


def _format_median(metric: str, median: Median) -> str:
    """A median of differences, with its interval if there are enough seeds for one."""
    text = f"median {_format_gap(metric, median.value)}"
    if median.low is None:
        return text
    return f"{text} ({_format_gap(metric, median.low)} to {_format_gap(metric, median.high)})"


def _format_bound(difference: Difference, text: str) -> str:
    """A difference, or a bound of it if some seeds did not reach the threshold."""
    prefixes = {"above": "more than ", "below": "less than "}
    return prefixes[difference.bound] + text if difference.bound else text


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
