"""Interleaved measurements."""

import itertools

from alexcli.bench.harness import compare, interleave, record, run_for, single_result, timed
from alexcli.reporter import NullReporter


def test_ratios_are_of_the_same_round_and_the_first_round_is_thrown_away() -> None:
    ours = iter([1.0, 4.0, 8.0, 12.0])
    theirs = iter([100.0, 2.0, 2.0, 2.0])
    arms = {"ours": lambda: (next(ours), 1.0), "theirs": lambda: (next(theirs), 1.0)}
    speeds = interleave(arms, 3, NullReporter(), "x")
    result = compare("x", "images/s", speeds["ours"], "theirs", speeds["theirs"])
    assert (result.ratio_min, result.ratio_median, result.ratio_max) == (2, 4, 6)
    assert (result.value, result.n) == (8, 3)


def test_a_figure_without_a_baseline_is_a_median() -> None:
    result = single_result("x", "s", [3.0, 1.0, 2.0])
    assert (result.value, result.against, result.ratio_median) == (2.0, None, None)


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
