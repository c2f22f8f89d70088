"""Grouping runs into curves, and naming the curves by the settings that differ."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from alexcli.records.history import RunHistory

NOT_TOLD_APART = (
    "seed",
    "runs",
    "placement.",
    "logger.",
    "data.root",
    "data.workers",
    "trainer.threads",
)
"""Settings that may differ within a group of runs: where and how a run is carried out."""

LABEL = "label"
"""The first key to distinguish runs by: it names what was trained."""


@dataclass
class RunGroups:
    """Groups of runs that differ only in their seeds, by the shortest clear name."""

    groups: dict[str, list[RunHistory]]
    not_named: list[str]
    """Keys in which groups differ but which are not in their names."""


def group_runs(histories: Sequence[RunHistory]) -> RunGroups:
    """Group runs, and name each group by the settings that distinguish it from all others.

    Args:
        histories: at least one.
    """
    settings = [_told_apart(history) for history in histories]
    keys = dict.fromkeys(key for run_settings in settings for key in run_settings)
    differing = [
        key for key in keys if len({run_settings.get(key) for run_settings in settings}) > 1
    ]
    naming = _telling_keys(settings, differing)
    groups: dict[str, list[RunHistory]] = {}
    for history, run_settings in zip(histories, settings, strict=True):
        groups.setdefault(_name(run_settings, naming), []).append(history)
    return RunGroups(groups, [key for key in differing if key not in naming])


def _told_apart(history: RunHistory) -> dict[str, str]:
    """The settings of a run that all runs of its group share."""
    return {LABEL: history.label} | {
        key: str(value)
        for key, value in history.settings.items()
        if key != LABEL and not key.startswith(NOT_TOLD_APART)
    }


def _telling_keys(settings: Sequence[dict[str, str]], differing: Sequence[str]) -> list[str]:
    """A minimal set of keys that distinguishes the same groups as all differing keys."""
    all_groups = _count_groups(settings, differing)
    telling: list[str] = []
    for key in differing:
        if _count_groups(settings, [*telling, key]) > _count_groups(settings, telling):
            telling.append(key)
    for key in reversed(telling):
        others = [other for other in telling if other != key]
        if _count_groups(settings, others) == all_groups:
            telling = others
    return telling


def _count_groups(settings: Sequence[dict[str, str]], keys: Sequence[str]) -> int:
    """The number of groups that some keys distinguish."""
    return len({tuple(run_settings.get(key) for key in keys) for run_settings in settings})


def _name(settings: dict[str, str], naming: Sequence[str]) -> str:
    """The name of a group: KEY=VALUE, with only the last part of a key if unambiguous."""
    if not naming:
        return settings[LABEL]
    last_parts = Counter(key.rpartition(".")[2] for key in naming)
    terms = []
    for key in naming:
        last_part = key.rpartition(".")[2]
        word = last_part if last_parts[last_part] == 1 else key
        value = settings.get(key)
        terms.append(settings[LABEL] if key == LABEL else f"{word}={value}")
    return " ".join(terms)
