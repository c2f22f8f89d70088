"""Alternating measurements: machines are noisy, so only ratios of neighbours are compared."""

import os
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from alexcli.results import Measured, Reporter
from alexcli.run.rundir import environment

# One measurement: how many units (pictures, steps) it did, and in how many seconds.
Arm = Callable[[], tuple[float, float]]


def alternate(
    arms: Mapping[str, Arm], rounds: int, reporter: Reporter, what: str
) -> dict[str, list[float]]:
    """Units per second of each arm, one measurement a round, after a round that is thrown away.

    Args:
        arms: by name, measured in this order.
        rounds: measurements of each.
        reporter: told how it goes.
        what: is measured.
    """
    found: dict[str, list[float]] = {name: [] for name in arms}
    for turn in range(rounds + 1):
        for position, (name, arm) in enumerate(arms.items()):
            units, seconds = arm()
            if turn:
                found[name].append(units / seconds)
            reporter.counted(what, turn * len(arms) + position + 1, (rounds + 1) * len(arms))
    return found


def compare(
    name: str, unit: str, ours: Sequence[float], against: str, theirs: Sequence[float]
) -> Measured:
    """Ours and a rival's rates of the same rounds; a ratio above 1 means that ours is faster."""
    ratios = [a / b for a, b in zip(ours, theirs, strict=True)]
    spread = statistics.median(ratios), min(ratios), max(ratios)
    return Measured(name, against, statistics.median(ours), unit, *spread, len(ours))


def alone(name: str, unit: str, ours: Sequence[float]) -> Measured:
    """A figure without a rival."""
    return Measured(name, None, statistics.median(ours), unit, None, None, None, len(ours))


def timed(units: float, work: Callable[[], object]) -> Arm:
    """An arm that does a piece of work once."""

    def arm() -> tuple[float, float]:
        began = time.perf_counter()
        work()
        return units, time.perf_counter() - began

    return arm


def for_a_while(batches: Iterator[int], seconds: float) -> tuple[float, float]:
    """Take units from an endless iterator for a time; the first, which starts it, is not timed."""
    next(batches)
    began, units = time.perf_counter(), 0.0
    while (elapsed := time.perf_counter() - began) < seconds:
        units += next(batches)
    return units, elapsed


def record(rows: list[dict[str, Any]], command: str) -> dict[str, Any]:
    """Figures with the command and the machine that gave them."""
    return {"command": command, "on": environment() | {"cores": os.cpu_count()}, "results": rows}
