"""Studies as forest plots: a row for each arm, in points of error or as ratios."""

from collections.abc import Sequence
from dataclasses import replace

from alexcli.ablation.verdicts import median_beside_mean
from alexcli.records.analysis import ForestPanel, ForestRow
from alexcli.records.study import Difference, StudyResult

POINTS = 100
"""Points of error in a fraction of 1."""


def forest_panel(study: StudyResult) -> ForestPanel:
    """The differences in the study's own metric, each with its claim and its margin.

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


OVERVIEW_LIMIT = 12.0
"""Limit of an axis of many studies, in points of error: one wide interval must not flatten all."""


def overview_panels(studies: Sequence[StudyResult]) -> list[ForestPanel]:
    """Many studies below each other, without their seeds: differences of errors, then ratios.

    Args:
        studies: with their verdicts.
    """
    panels = []
    for is_ratio in (False, True):
        chosen = [study for study in studies if (study.metric == "epochs") == is_ratio]
        if not chosen:
            continue
        rows = [row for study in chosen for row in _overview_rows(study)]
        panel = replace(forest_panel(chosen[0]), rows=rows, title="")
        panels.append(panel if is_ratio else replace(panel, limit=OVERVIEW_LIMIT))
    return panels


def _overview_rows(study: StudyResult) -> list[ForestRow]:
    """The rows of one study, labelled with its name and setting."""
    return [
        replace(row, label=f"{study.name}: {row.label} ({study.setting_name})", values=[])
        for row in forest_panel(study).rows
    ]


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
        median=_scaled_median(difference, scale),
        bound=difference.bound,
    )


def _scaled_median(difference: Difference, scale: int) -> tuple[float, float, float] | None:
    """The median with its interval, if a few seeds dominate the mean and there are enough seeds."""
    median = median_beside_mean(difference)
    if median is None or median.low is None or median.high is None:
        return None
    return scale * median.value, scale * median.low, scale * median.high


def _scaled(value: float | None, scale: float) -> float | None:
    return None if value is None else scale * value
