"""Interleaved measurements: machines are noisy, so only ratios of the same round are compared."""

import logging
import os
import statistics
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from alexcli.records.benchmark import BenchResult
from alexcli.reporter import Reporter
from alexcli.run.environment import describe_environment
from alexcli.run.memory import check_training
from alexcli.run.resolve import uses_bf16
from alexcli.schema import TrainSpec

Arm = Callable[[], tuple[float, float]]
"""One measurement: returns the number of units (images, steps), and the seconds they took."""


def check_batch(spec: TrainSpec, batch: int) -> None:
    """Raise UsageError unless a training on the CPU with batches of this size fits in memory."""
    of_batch = replace(spec, optim=replace(spec.optim, batch_size=batch))
    bf16 = uses_bf16(spec)
    check_training(of_batch, batch, bf16=bf16, gpu_bytes=None, batch_option="--batch ")


def interleave(
    arms: Mapping[str, Arm],
    rounds: int,
    reporter: Reporter,
    label: str,
    *,
    warm: Collection[str] = (),
) -> dict[str, list[float]]:
    """Units per second of each arm, one measurement per round, after a warm-up round.

    Args:
        arms: by name, measured in this order.
        rounds: measurements of each arm.
        reporter: receives progress updates.
        label: what is measured, for the progress bar.
        warm: arms that have run before, and are left out of the warm-up round.
    """
    speeds: dict[str, list[float]] = {name: [] for name in arms}
    total = (rounds + 1) * len(arms) - len(warm)
    count = 0
    for round_ in range(rounds + 1):
        for name, arm in arms.items():
            if round_ == 0 and name in warm:
                continue
            units, seconds = arm()
            if round_ > 0:
                speeds[name].append(units / seconds)
            count += 1
            reporter.progress(label, count, total)
    return speeds


def compare(
    name: str, unit: str, ours: Sequence[float], against: str, theirs: Sequence[float]
) -> BenchResult:
    """Compare our speeds with a baseline's of the same rounds.

    Args:
        name: of the measurement.
        unit: of the speeds.
        ours: by round.
        against: the baseline's name.
        theirs: by round.
    """
    ratios = [our_speed / their_speed for our_speed, their_speed in zip(ours, theirs, strict=True)]
    return BenchResult(
        name=name,
        against=against,
        value=statistics.median(ours),
        unit=unit,
        ratio_median=statistics.median(ratios),
        ratio_min=min(ratios),
        ratio_max=max(ratios),
        n=len(ours),
    )


def single_result(name: str, unit: str, values: Sequence[float]) -> BenchResult:
    """A figure without a baseline, the median of its values."""
    return BenchResult(
        name=name,
        against=None,
        value=statistics.median(values),
        unit=unit,
        ratio_median=None,
        ratio_min=None,
        ratio_max=None,
        n=len(values),
    )


def describe(result: BenchResult) -> str:
    """A figure in one line, such as `step/train: 20.5 images/s, 1.80 times port (1.75 to 1.84)`."""
    line = f"{result.name}: {result.value:.4g} {result.unit}"
    if result.ratio_median is None:
        return line
    extent = f"{result.ratio_min:.2f} to {result.ratio_max:.2f}"
    return f"{line}, {result.ratio_median:.2f} times {result.against} ({extent})"


def note_each(results: Iterable[BenchResult], reporter: Reporter) -> list[BenchResult]:
    """Show each figure as soon as it is known.

    Args:
        results: figures, measured while they are iterated over.
        reporter: receives a line for each.

    Returns:
        All of them.
    """
    rows = []
    for result in results:
        reporter.note(describe(result))
        rows.append(result)
    return rows


def timed(units: float, work: Callable[[], object]) -> Arm:
    """An arm that does a piece of work once.

    Args:
        units: how many units the work does.
        work: what is timed.
    """

    def arm() -> tuple[float, float]:
        start = time.perf_counter()
        work()
        return units, time.perf_counter() - start

    return arm


@contextmanager
def only_errors(*loggers: str) -> Iterator[None]:
    """Hide what other packages log, except for errors.

    Args:
        loggers: names of the packages.
    """
    silenced = [logging.getLogger(name) for name in loggers]
    levels = [logger.level for logger in silenced]
    for logger in silenced:
        logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        for logger, level in zip(silenced, levels, strict=True):
            logger.setLevel(level)


def run_for(batches: Iterator[int], seconds: float) -> tuple[float, float]:
    """Take units from an endless iterator for some time; the first item, a warm-up, is not timed.

    Args:
        batches: numbers of units.
        seconds: least duration.

    Returns:
        Units and seconds.
    """
    next(batches)
    units = 0.0
    elapsed = 0.0
    start = time.perf_counter()
    while elapsed < seconds:
        units += next(batches)
        elapsed = time.perf_counter() - start
    return units, elapsed


def record(rows: Sequence[dict[str, Any]], command: str) -> dict[str, Any]:
    """Figures with the command and the machine that produced them: `{command, on, results}`."""
    environment = describe_environment()
    environment["cores"] = os.cpu_count()
    return {"command": command, "on": environment, "results": list(rows)}
