"""A learning-rate range test: the loss while the rate grows from update to update. Not the paper's.

Smith 2017, "Cyclical learning rates for training neural networks", section 3.3, with the
exponential growth and the interpretation that fastai popularised. The paper's authors chose their
learning rate by hand (section 5).
"""

import itertools
import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

from alexcli.errors import RunFailedError, UsageError
from alexcli.records.analysis import Analysis, Line, LinesPanel
from alexcli.schema import AnalyzeSpec, RangeTestSpec
from alexcli.tables import Table

KEYS = ("range_test",)
"""The keys of `AnalyzeSpec` that it reads."""
SMOOTHING = 0.9
"""Weight of the preceding losses in the running mean."""
SKIPPED = 10
"""Updates at the start that are not read: so few losses give no reliable mean."""
SPAN = 5
"""Updates over which a fall is measured."""
LEAST_FALL = 0.02
"""Least fall below the loss of guessing, as a fraction of it, for the test to be conclusive."""


class RangeTest(NamedTuple):
    """What was measured."""

    losses: list[float]
    """The loss before the update at each rate, nats."""
    classes: int
    """Of the data."""


class Reading(NamedTuple):
    """The results of a range test. Rates are values of `optim.lr`."""

    steepest: float
    """The rate at which the loss falls fastest."""
    lowest: float
    """The rate at which it is lowest."""
    diverges: float | None
    """The rate at which it diverges; None if it never does."""


def run(spec: AnalyzeSpec, losses_at: Callable[[Sequence[float]], RangeTest]) -> Analysis:
    """Draw a range test and read it.

    Args:
        spec: `range_test`.
        losses_at: trains from the start with one update at each rate, and returns the loss before
            each update; it ends early if the loss diverges.

    Raises:
        UsageError: the rates do not grow.
        RunFailedError: the first loss, before any update, is not finite.
    """
    rates = growing_rates(spec.range_test)
    losses, classes = losses_at(rates)
    if not math.isfinite(losses[0]):
        raise RunFailedError(
            f"the first loss is {losses[0]}, at the lowest rate of {rates[0]:g} and before any "
            "update: no learning rate can be read",
            hint="alexcli analyze init with the same keys shows the layer where the outputs grow; "
            "weights that init_from names may hold NaN",
        )
    curve = running_means([loss for loss in losses if math.isfinite(loss)])
    used = rates[: len(curve)]
    ended_early = len(losses) < len(rates) or len(curve) < len(losses)
    reading = read(used, curve, rates[len(losses) - 1] if ended_early else None)
    rows = [
        {"reading": name, "optim.lr": rate, "what it means": meaning}
        for name, rate, meaning in _readings(reading)
    ]
    note = (
        f"{len(losses):,} updates from the first step on, each at a larger rate. A range test is "
        f"not the paper's: its authors chose 0.01 by hand (section 5). {_verdict(curve, classes)}"
    )
    points = [
        {"lr": rate, "loss": loss, "running mean": mean}
        for rate, loss, mean in zip(used, losses, curve, strict=False)
    ]
    return Analysis(
        title="Learning-rate range test (not the paper's)",
        tables=[
            Table.from_records("learning-rate range test", rows, note),
            Table.from_records(
                "updates", points, columns=["lr", "loss", "running mean"], files_only=True
            ),
        ],
        panels=[
            LinesPanel(
                {"batch": Line(used, losses[: len(used)]), "running mean": Line(used, curve)},
                x_label="learning rate, optim.lr",
                y_label="training loss, nats",
                log_x=True,
                log_y=True,  # otherwise a diverging loss hides how the others fell
            )
        ],
        caption=f"Loss of each batch while the learning rate grows. {note}",
    )


def growing_rates(spec: RangeTestSpec) -> list[float]:
    """The rates of a test, each the same multiple of the one before.

    Raises:
        UsageError: the highest is not above the lowest.
    """
    if spec.high <= spec.low:
        raise UsageError(
            f"range_test.high={spec.high:g} is not above range_test.low={spec.low:g}",
            hint="range_test.low=1e-5 range_test.high=1",
        )
    ratio = spec.high / spec.low
    return [spec.low * ratio ** (step / (spec.steps - 1)) for step in range(spec.steps)]


def running_means(losses: Sequence[float]) -> list[float]:
    """Exponential moving averages of the losses, with bias correction at the start.

    Args:
        losses: finite.
    """
    sums = itertools.accumulate(
        losses, lambda mean, loss: SMOOTHING * mean + (1 - SMOOTHING) * loss, initial=0.0
    )
    return [mean / (1 - SMOOTHING**count) for count, mean in enumerate(sums) if count]


def read(rates: Sequence[float], curve: Sequence[float], diverged: float | None) -> Reading:
    """Read the steepest, lowest and diverging rates off a curve.

    Args:
        rates: growing by a factor.
        curve: the running mean of the loss at each.
        diverged: the rate at which the test ended early.
    """
    lowest = min(range(len(curve)), key=curve.__getitem__)
    starts = range(min(SKIPPED, lowest), max(1, lowest - SPAN + 1))
    falls = {start: curve[start] - curve[min(start + SPAN, lowest)] for start in starts}
    steepest = max(falls, key=falls.__getitem__, default=lowest)
    return Reading(rates[min(steepest + SPAN // 2, lowest)], rates[lowest], diverged)


def _readings(reading: Reading) -> list[tuple[str, float | None, str]]:
    """The rows of the table."""
    return [
        ("steepest fall", reading.steepest, "a rate to start from"),
        ("lowest loss / 10", reading.lowest / 10, "another common choice"),
        ("lowest loss", reading.lowest, "too large already: beyond it the loss rises"),
        ("diverges", reading.diverges, "4 times the lowest loss, or no number"),
    ]


def _verdict(curve: Sequence[float], classes: int) -> str:
    """Whether the test is conclusive.

    A net whose first scores are large begins above the loss of guessing and falls to it as its
    scores shrink, which is no learning.
    """
    guessing = math.log(classes)
    if min(curve) > (1 - LEAST_FALL) * guessing:
        return (
            f"The loss was never below that of guessing among {classes:,} classes, {guessing:.2f}, "
            "so these readings mean little: try more range_test.steps; a net may begin to learn "
            "later than this."
        )
    return (
        f"The loss fell to {min(curve):.2f}, below that of guessing among {classes:,} classes, "
        f"{guessing:.2f}, so the readings mean something."
    )
