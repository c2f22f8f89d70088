"""Differences between the runs of two arms, paired by seed."""

import math
from typing import Any

import numpy as np

from alexcli.analysis.curves import crossing
from alexcli.results import Difference
from alexcli.run.look import history
from alexcli.run.rundir import RunDirectory
from alexcli.schema import ArmSpec, Metric

SIGNS = {"higher": 1, "lower": -1}


def measured(run: RunDirectory, threshold: float) -> dict[Metric, float | None]:
    """What a finished run reached, from its result and metrics.jsonl."""
    result = run.result() or {}
    val = result["last"]["val"]
    train = [row for row in history(run)[2] if row["split"] == "train"]
    epochs = [0, *(row["epoch"] for row in train)]
    errors = [1 - 1 / result["classes"], *(row["top1_err"] for row in train)]
    curve = np.array(epochs), np.array(errors)
    return {
        Metric.top1_err: val["top1_err"],
        Metric.top5_err: val["top5_err"],
        Metric.train_err: errors[-1],
        Metric.epochs: None if errors[0] <= threshold else crossing(*curve, threshold),
    }


def compare(
    arm: dict[int, float | None],
    baseline: dict[int, float | None],
    metric: Metric,
    file: ArmSpec,
    nets: int = 0,
) -> Difference:
    """The mean difference of an arm with its 95% interval, beside what is claimed.

    Args:
        arm: value by seed; None where it was not reached.
        baseline: likewise; seeds are paired, and the interval is Student's t of the pairs.
        metric: `epochs` are compared as a ratio (a geometric mean), all else as a difference.
        file: the arm's claims.
        nets: how many an ensemble averages.
    """
    ratio = metric is Metric.epochs
    paper, notes = file.paper.get(metric), file.notes.get(metric)
    both = ((value, baseline.get(seed)) for seed, value in arm.items())
    pairs = [(a, b) for a, b in both if a is not None and b is not None]
    if ratio:
        pairs = [(math.log(a), math.log(b)) for a, b in pairs]
    missed = sum(value is None for value in arm.values())
    if missed or not pairs:  # a ratio of the lucky seeds alone would mislead
        words = f"not reached by {missed} of {len(arm)}" if missed else "not measured"
        return Difference(metric.name, None, None, None, len(arm), paper, notes, words)
    gaps = [a - b for a, b in pairs]
    mean, low, high = sum(gaps) / len(gaps), None, None
    if max(gaps) - min(gaps) > 1e-9:  # below it is rounding, not spread
        from scipy.stats import ttest_1samp  # of paired differences: the paired test

        found = ttest_1samp(gaps, 0.0).confidence_interval(0.95)
        low, high = float(found.low), float(found.high)
    claimed = _sign(notes if paper is None else paper, ratio)
    words = _verdict(mean, low, high, claimed)
    if low is None:
        several = (
            f"mean of {nets} nets" if nets else "all seeds alike" if len(gaps) > 1 else "one seed"
        )
        words += f"; {several}, no interval"
    if ratio:
        mean = math.exp(mean)
        low, high = (None if x is None else math.exp(x) for x in (low, high))
    return Difference(metric.name, mean, low, high, nets or len(gaps), paper, notes, words)


def _sign(claim: Any, ratio: bool) -> int | None:
    """What sign a claim gives the difference."""
    if claim is None or isinstance(claim, str):
        return SIGNS[claim] if claim else None
    return 1 if claim > (1 if ratio else 0) else -1


def _verdict(mean: float, low: float | None, high: float | None, claimed: int | None) -> str:
    """The comparison in words."""
    agrees = None if claimed is None or not mean else mean * claimed > 0
    if low is None or high is None:
        way = "higher" if mean > 0 else "lower" if mean < 0 else "equal"
        return way if agrees is None else "sign agrees" if agrees else "sign differs"
    if low <= 0 <= high:
        return "null: includes zero"
    if claimed is None:
        return "higher" if mean > 0 else "lower"
    return "sign agrees" if agrees else "opposite sign"
