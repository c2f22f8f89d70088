"""A learning-rate range test and its reading."""

import itertools
import math
from collections.abc import Callable, Sequence

import pytest

from alexcli.analysis import lr
from alexcli.errors import RunFailedError, UsageError
from alexcli.records.analysis import LinesPanel
from alexcli.schema import AnalyzeSpec, RangeTestSpec

LossesAt = Callable[[Sequence[float]], list[float]]


def spec(low: float = 1e-4, high: float = 1.0, steps: int = 41) -> AnalyzeSpec:
    return AnalyzeSpec(range_test=RangeTestSpec(low, high, steps))


def valley(rates: Sequence[float]) -> list[float]:
    """Losses that fall fastest at 0.01, are lowest at 0.1 and diverge above 0.5."""
    losses = []
    for rate in rates:
        fall = 1 / (1 + math.exp(-6 * (math.log10(rate) + 2)))
        losses.append(4 - 2 * fall if rate <= 0.5 else math.inf)
        if rate > 0.5:
            break
    return losses


def test_rates_grow_by_the_same_factor() -> None:
    rates = lr.growing_rates(RangeTestSpec(1e-3, 10.0, 11))
    assert rates[0] == 1e-3
    assert rates[-1] == pytest.approx(10)
    ratios = [after / before for before, after in itertools.pairwise(rates)]
    assert ratios == pytest.approx([10**0.4] * 10)
    with pytest.raises(UsageError, match=r"range_test\.high=0\.001 is not above"):
        lr.growing_rates(RangeTestSpec(1e-3, 1e-3))


def test_a_mean_has_no_delay_at_the_start() -> None:
    assert lr.running_means([3.0, 3.0, 3.0]) == pytest.approx([3, 3, 3])
    assert lr.running_means([3.0])[0] == pytest.approx(3)
    assert 1 < lr.running_means([3.0, 1.0])[1] < 2


def of_classes(classes: int, losses_at: LossesAt) -> Callable[[Sequence[float]], lr.RangeTest]:
    """A range test on data of so many classes."""
    return lambda rates: lr.RangeTest(losses_at(rates), classes)


def test_a_valley_is_read() -> None:
    analysis = lr.run(spec(), of_classes(20, valley))
    rates = {row["reading"]: row["optim.lr"] for row in analysis.tables[0].records()}
    assert 0.005 < rates["steepest fall"] < 0.03
    assert rates["lowest loss"] > 0.1
    assert rates["lowest loss / 10"] == pytest.approx(rates["lowest loss"] / 10)
    assert 0.5 < rates["diverges"] < 0.8
    (panel,) = analysis.panels
    assert isinstance(panel, LinesPanel)
    assert panel.log_x
    assert all(math.isfinite(y) for line in panel.lines.values() for y in line.y)
    assert "not the paper's" in analysis.title
    assert "below that of guessing among 20 classes, 3.00" in analysis.caption
    assert "mean something" in analysis.caption


def test_a_loss_that_does_not_fall_says_little() -> None:
    analysis = lr.run(spec(), of_classes(10, lambda rates: [2.3] * len(rates)))
    assert "mean little" in analysis.caption
    assert analysis.tables[0].records()[-1]["optim.lr"] is None


def test_a_loss_that_falls_to_that_of_guessing_says_little() -> None:
    analysis = lr.run(spec(), of_classes(2, valley))  # from 4 to 2, and ln 2 is 0.69
    assert "never below that of guessing among 2 classes, 0.69" in analysis.caption
    assert "mean little" in analysis.caption


def test_a_net_that_diverges_at_once_is_read_too() -> None:
    analysis = lr.run(spec(), of_classes(10, lambda _: [2.3, math.nan]))
    assert analysis.tables[0].records()[-1]["optim.lr"] == pytest.approx(1e-4 * 1e4 ** (1 / 40))


@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_a_first_loss_that_is_not_finite_is_an_error_that_names_the_lowest_rate(
    loss: float,
) -> None:
    with pytest.raises(
        RunFailedError, match=rf"first loss is {loss}, .*rate of 0\.0001 "
    ) as caught:
        lr.run(spec(), of_classes(10, lambda _: [loss]))
    assert caught.value.hint is not None
    assert "analyze init" in caught.value.hint
