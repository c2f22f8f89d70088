import gc
import io
import threading

import pytest
from rich.console import Console

from alexcli.render import progress
from alexcli.render.progress import (
    BarReporter,
    LineReporter,
    close_reporters,
    duration,
    make_reporter,
    starting,
)
from tests.render.epoch_rows import STEP, TRAIN, VAL


def _line_reporter() -> tuple[LineReporter, io.StringIO]:
    """A reporter without a terminal whose lines are always due."""
    out = io.StringIO()
    reporter = LineReporter(Console(file=out, width=200, color_system=None))
    reporter.SECONDS_BETWEEN_FIRST_LINES = 0
    reporter.SECONDS_BETWEEN_LINES = 0
    return reporter, out


def test_without_a_terminal_there_are_plain_lines() -> None:
    reporter, out = _line_reporter()
    reporter.note("[brackets] stay")
    reporter.step(STEP, 3, 120)
    reporter.epoch([TRAIN, VAL], 3)
    reporter.close()
    text = out.getvalue()
    assert "[brackets] stay" in text
    assert "step 20/120" in text
    assert "ETA" in text
    assert "\x1b" not in text
    assert "\r" not in text


def test_lines_of_steps_and_passes_wait_until_they_are_due() -> None:
    reporter, out = _line_reporter()
    reporter.progress("mean image", 5, 1000)
    reporter.SECONDS_BETWEEN_FIRST_LINES = 1000
    reporter.progress("mean image", 6, 1000)
    reporter.step(STEP, 3, 120)
    reporter.warn("shown at once")
    assert out.getvalue() == "mean image: 5 of 1,000\nwarning: shown at once\n"


def test_the_time_that_is_left_follows_from_the_steps_since_the_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = iter([100.0, *[110.0] * 9])
    monkeypatch.setattr("alexcli.render.progress.time.monotonic", lambda: next(clock))
    reporter, _ = _line_reporter()
    reporter._first_step = (10, 100.0)
    assert reporter._eta(20, 120) == "1:40"  # ten steps took ten seconds
    assert reporter._eta(10, 120) == "-"


def test_on_a_terminal_a_bar_shows_epoch_step_loss_error_lr_and_speed() -> None:
    out = io.StringIO()
    console = Console(file=out, width=160, force_terminal=True, color_system=None)
    reporter = BarReporter(console)
    reporter.progress("mean image", 5, 10)
    reporter.step(STEP, 3, 120)
    assert reporter.bar is not None
    reporter.bar.refresh()
    reporter.epoch([TRAIN, VAL], 3)
    reporter.close()
    text = out.getvalue()
    expected = (
        *("mean image", "epoch 1/3", "step 20", "loss 2.100"),
        *("85.00%", "lr 0.01", "999 im/s"),
    )
    for part in expected:
        assert part in text, part
    assert reporter.bar is None


def test_a_reporter_without_a_terminal_draws_no_bars() -> None:
    assert type(make_reporter()) is LineReporter


@pytest.mark.parametrize(
    ("seconds", "text"), [(5, "0:05"), (65, "1:05"), (3700, "1:01:40"), (59.6, "1:00")]
)
def test_durations_are_readable(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_lines_come_soon_at_first_and_then_every_half_minute(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 1000.0
    monkeypatch.setattr("alexcli.render.progress.time.monotonic", lambda: now)
    out = io.StringIO()
    reporter = LineReporter(Console(file=out, width=200, color_system=None))
    for now in (1000.0, 1004.0, 1006.0, 1012.0, 1059.0, 1061.0, 1080.0, 1095.0):
        reporter.progress("mean image", int(now), 2000)
    shown = [int(line.split()[2].replace(",", "")) for line in out.getvalue().splitlines()]
    assert shown == [1006, 1012, 1059, 1095]


def test_a_silent_start_is_told_in_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LineReporter, "SECONDS_BETWEEN_FIRST_LINES", 0.001)
    told = threading.Event()
    notes: list[str] = []

    def note(_: LineReporter, text: str) -> None:
        notes.append(text)
        told.set()

    monkeypatch.setattr(LineReporter, "note", note)
    with starting():
        assert told.wait(60)
        close_reporters()
        count = len(notes)
        make_reporter().note("something else")
    assert notes[0] == "starting: 0 s"
    assert notes[count:] == ["something else"]


def test_a_silent_start_on_a_terminal_is_a_bar_until_something_else_is_shown() -> None:
    out = io.StringIO()
    console = Console(file=out, width=80, force_terminal=True, color_system=None)
    reporter = BarReporter(console)
    reporter.still_busy("starting", 1.0)
    bar = reporter.bar
    assert bar is not None
    reporter.still_busy("starting", 2.0)
    assert reporter.bar is bar
    reporter.progress("mean image", 5, 10)
    assert not bar.live.is_started
    reporter.close()
    assert reporter.bar is None


def test_only_one_bar_is_on_the_terminal() -> None:
    with starting():
        (first,) = progress._active
        make_reporter().progress("mean image", 5, 10)
        assert first._waiting is None
    assert not progress._active


def _bar_reporter(width: int = 60) -> tuple[BarReporter, io.StringIO]:
    """A reporter on a terminal, and what is drawn there."""
    out = io.StringIO()
    return BarReporter(Console(file=out, width=width, force_terminal=True, color_system=None)), out


def test_a_bar_whose_reporter_nobody_keeps_ends_when_another_begins() -> None:
    reporter, _ = _bar_reporter()
    reporter.still_busy("starting", 1.0)
    bar = reporter.bar
    assert bar is not None
    del reporter
    gc.collect()
    assert bar.live.is_started
    other, _ = _bar_reporter()
    other.progress("mean image", 5, 10)
    assert not bar.live.is_started
    other.close()


def test_a_note_of_another_reporter_stands_above_the_bar_and_leaves_nothing_of_it() -> None:
    reporter, drawn = _bar_reporter()
    reporter.still_busy("starting", 1.0)
    other, elsewhere = _bar_reporter()
    other.note("a note")
    assert elsewhere.getvalue() == ""
    before, after = drawn.getvalue().split("a note\n")
    assert before.endswith("\r\x1b[2K")  # the line of the bar is erased
    assert after.startswith("starting")
    close_reporters()
    assert reporter.bar is None


def test_an_epoch_on_a_terminal_fits_it_and_sentences_break_between_words() -> None:
    reporter, out = _bar_reporter()
    reporter.epoch([TRAIN, VAL], 3)
    reporter.warn("the learning rate is so high that the weights no longer stay finite")
    reporter.note("step: bf16, channels-last, response norms auto, optimizer paper_sgd")
    assert [line.rstrip() for line in out.getvalue().splitlines()] == [
        "epoch 1/3  train loss 2.000 error 80.00%  val error 70.00%",
        "warning: the learning rate is so high that the weights no",
        "longer stay finite",
        "step: bf16, channels-last, response norms auto, optimizer",
        "paper_sgd",
    ]


def test_a_command_that_leads_on_is_one_line_to_copy() -> None:
    reporter, out = _bar_reporter(30)
    command = "next: alexcli eval --ten-crop runs/quickstart/s0-8115d217"
    reporter.note(command)
    assert out.getvalue() == f"{command}\n"
