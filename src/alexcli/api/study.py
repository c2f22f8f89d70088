"""Repeating studies of the paper."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from alexcli.api.arguments import check_count, check_overrides, check_word, reporter_of
from alexcli.errors import RunFailedError, UsageError, plural
from alexcli.schema.ablation import MOST_JOBS, MOST_POINTS, MOST_SEEDS

if TYPE_CHECKING:  # torch and others are imported by the first function that needs them
    from alexcli.ablation.precision import AutoSeeds
    from alexcli.records.study import StudyResult


def ablate(
    *arguments: str,
    seeds: int | None = None,
    setting: Literal["auto", "mechanism", "plain"] = "auto",
    precision: float | None = None,
    minutes: float | None = None,
    reuse: str | Path | None = None,
    jobs: int = 2,
    progress: bool = True,
) -> "list[StudyResult]":
    """Repeat studies of the paper; every training has a process of its own.

    Args:
        arguments: studies (`alexcli ablate --list` names them), and overrides that choose their
            setting, such as "experiment=ilsvrc2012".
        seeds: runs of each arm; None for as many as the precision needs.
        setting: for embedded images: the study's own (mechanism), or that of the quick start.
        precision: for automatic seeds: half-width of a 95% interval, points of error.
        minutes: for automatic seeds: the budget.
        reuse: a folder of studies that `ablate --out` wrote, whose runs are not trained again.
        jobs: trainings at a time.
        progress: whether to show progress on stderr.

    Returns:
        For each study its arms with their errors by seed, their differences from the baseline,
        intervals and verdicts.

    Raises:
        UsageError: no such study, or a setting that it cannot be measured in.
        RunFailedError: trainings failed; the message ends with their logs.
    """
    from alexcli.ablation.plan import Ablation
    from alexcli.ablation.results import study_results
    from alexcli.ablation.reuse import read_recorded_runs
    from alexcli.ablation.training import train_all, train_until_precise

    check_overrides('ablate("lrn", "seed=1")', arguments)
    studies = [word for word in arguments if "=" not in word]
    if not studies:
        raise UsageError("no study is named", hint='ablate("lrn"); alexcli ablate --list')
    check_word("setting", setting, ["auto", "mechanism", "plain"])
    auto = _auto_seeds(seeds, precision, minutes)
    check_count("jobs", jobs, MOST_JOBS, hint="jobs=2")
    reporter = reporter_of(progress=progress)
    overrides = [word for word in arguments if "=" in word]
    recorded = read_recorded_runs(Path(reuse)) if reuse is not None else None
    ablation = Ablation(studies, overrides, seeds, setting, recorded)
    if auto is None:
        failures = train_all(ablation, jobs, reporter)
    else:
        failures = train_until_precise(ablation, auto, jobs, reporter)
    if failures:
        logs = "\n".join(failures)
        raise RunFailedError(
            f"{plural(len(failures), 'run')} failed:\n{logs}",
            hint="the same call repeats what failed",
        )
    return study_results(ablation, reporter, auto, jobs)


def _auto_seeds(
    seeds: int | None, precision: float | None, minutes: float | None
) -> "AutoSeeds | None":
    """The targets of automatic seeds; None if the number of seeds is given."""
    from alexcli.ablation.precision import AutoSeeds

    if precision is not None and not 0 < precision <= MOST_POINTS:
        raise UsageError(
            f"precision={precision:g} is not above 0 and at most {MOST_POINTS} points",
            hint="precision=0.5, which is the default",
        )
    if minutes is not None and not 0 < minutes < math.inf:
        raise UsageError(f"minutes={minutes:g} is not a time above 0", hint="minutes=30")
    if seeds is None:
        return AutoSeeds(None if precision is None else precision / 100, minutes)
    check_count(
        "seeds", seeds, MOST_SEEDS, hint="seeds=4, or None for as many as the precision requires"
    )
    if precision is not None or minutes is not None:
        raise UsageError(
            f"precision and minutes determine the number of seeds, and so does seeds={seeds}",
            hint="leave one of them out",
        )
    return None
