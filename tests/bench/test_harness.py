"""Interleaved measurements."""

import itertools
import logging
from collections.abc import Iterator

import pytest

from alexcli.bench.harness import (
    check_batch,
    compare,
    describe,
    interleave,
    note_each,
    only_errors,
    record,
    run_for,
    single_result,
    timed,
)
from alexcli.errors import UsageError
from alexcli.records.benchmark import BenchResult
from alexcli.reporter import NullReporter
from alexcli.run import memory
from tests.bench.notes import NoteList
from tests.conftest import small


def test_ratios_are_of_the_same_round_and_the_first_round_is_thrown_away() -> None:
    ours = iter([1.0, 4.0, 8.0, 12.0])
    theirs = iter([100.0, 2.0, 2.0, 2.0])
    arms = {"ours": lambda: (next(ours), 1.0), "theirs": lambda: (next(theirs), 1.0)}
    speeds = interleave(arms, 3, NullReporter(), "x")
    result = compare("x", "images/s", speeds["ours"], "theirs", speeds["theirs"])
    assert (result.ratio_min, result.ratio_median, result.ratio_max) == (2, 4, 6)
    assert (result.value, result.n) == (8, 3)


def test_an_arm_that_is_warm_has_no_round_that_is_thrown_away() -> None:
    ours = iter([4.0, 8.0])
    theirs = iter([100.0, 2.0, 2.0])
    arms = {"ours": lambda: (next(ours), 1.0), "theirs": lambda: (next(theirs), 1.0)}
    speeds = interleave(arms, 2, NullReporter(), "x", warm=["ours"])
    assert speeds == {"ours": [4.0, 8.0], "theirs": [2.0, 2.0]}


def test_a_figure_without_a_baseline_is_a_median() -> None:
    result = single_result("x", "s", [3.0, 1.0, 2.0])
    assert (result.value, result.against, result.ratio_median) == (2.0, None, None)


def test_a_figure_is_described_in_a_line() -> None:
    result = compare("x", "images/s", [8.0, 12.0], "theirs", [4.0, 4.0])
    assert describe(result) == "x: 10 images/s, 2.50 times theirs (2.00 to 3.00)"
    assert describe(single_result("peak", "TFLOP/s", [0.26359])) == "peak: 0.2636 TFLOP/s"


def test_a_figure_is_shown_before_the_next_one_is_measured() -> None:
    reporter = NoteList()

    def measure() -> Iterator[BenchResult]:
        for name in ("x", "y"):
            reporter.notes.append(f"measuring {name}")
            yield single_result(name, "s", [1.0])

    results = note_each(measure(), reporter)
    assert [result.name for result in results] == ["x", "y"]
    assert reporter.notes == ["measuring x", "x: 1 s", "measuring y", "y: 1 s"]


def test_only_errors_of_a_package_are_logged_within_a_block(
    caplog: pytest.LogCaptureFixture,
) -> None:
    package = logging.getLogger("noisy")
    package.setLevel(logging.INFO)
    with only_errors("noisy"):
        logging.getLogger("noisy.part").warning("chatter")
        logging.getLogger("noisy.part").error("failed")
        logging.getLogger("another").warning("heard")
    package.info("afterwards")
    assert caplog.messages == ["failed", "heard", "afterwards"]


def test_work_is_timed_once() -> None:
    calls: list[int] = []
    units, seconds = timed(7, lambda: calls.append(1))()
    assert units == 7
    assert seconds >= 0
    assert calls == [1]


def test_the_first_batch_is_not_counted() -> None:
    batches = itertools.chain([1000], itertools.repeat(1))
    units, seconds = run_for(batches, 0.001)
    assert 0 < units < 1000 * 100
    assert units % 1 == 0
    assert seconds >= 0.001


def test_a_record_names_command_and_machine() -> None:
    content = record([{"name": "x"}], "alexcli bench x")
    assert content["command"] == "alexcli bench x"
    assert content["on"]["cores"] >= 1
    assert content["results"] == [{"name": "x"}]


def test_a_batch_that_the_memory_does_not_hold_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    check_batch(small("model.width=1"), 10)
    monkeypatch.setattr(memory, "available_bytes", lambda: 20_000_000)
    with pytest.raises(UsageError, match="batches of 10,000 images") as refused:
        check_batch(small("model.width=1"), 10_000)
    assert refused.value.hint is not None
    assert refused.value.hint.startswith("--batch ")
