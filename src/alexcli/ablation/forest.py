"""A study as a forest plot: a row for each arm, in points of error or as ratios."""

from alexcli.records.analysis import ForestPanel, ForestRow
from alexcli.records.study import Difference, StudyResult

POINTS = 100
"""Points of error in a fraction of 1."""


def forest_panel(study: StudyResult) -> ForestPanel:
    """The differences that a study is about, each beside its claim and its margin.

    Args:
        study: its finished runs.
    """
    is_ratio = study.metric == "epochs"
    rows = [
        _row(arm.name, difference, scale=1 if is_ratio else POINTS)
        for arm in study.arms
        for difference in arm.differences
        if difference.metric == study.metric
    ]
    x_label = "ratio of epochs, arm to baseline"
    if not is_ratio:
        x_label = "arm minus baseline, points of error"
    return ForestPanel(
        rows=rows,
        x_label=x_label,
        zero=1.0 if is_ratio else 0.0,
        title="arms against the baseline",
        log_x=is_ratio,
    )


def _row(name: str, difference: Difference, scale: int) -> ForestRow:
    claim = difference.notes if difference.paper is None else difference.paper
    return ForestRow(
        label=name,
        mean=_scaled(difference.mean, scale),
        low=_scaled(difference.low, scale),
        high=_scaled(difference.high, scale),
        values=[scale * value for value in difference.by_seed],
        claim=None if isinstance(claim, str) else _scaled(claim, scale),
        margin=_scaled(difference.margin, scale),
        verdict=difference.verdict,
    )


def _scaled(value: float | None, scale: float) -> float | None:
    return None if value is None else scale * value
