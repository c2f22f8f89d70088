import io

import pytest
from rich.console import Console

from alexcli.records.training import EpochRow
from alexcli.render.progress import (
    BarReporter,
    LineReporter,
    duration,
    epoch_line,
    make_reporter,
    step_line,
)

TRAIN = EpochRow(
    step=40,
    epoch=1,
    split="train",
    loss=2.0,
    top1_err=0.8,
    top5_err=0.3,
    lr=0.01,
    images_per_s=1234.5,
    time=3.0,
)
VAL = EpochRow(
    step=40,
    epoch=1,
    split="val",
    loss=1.5,
    top1_err=0.7,
    top5_err=None,
    lr=0.01,
    images_per_s=2000.0,
    time=4.0,
)
STEP = EpochRow(
    step=20,
    epoch=1,
    split="train",
    loss=2.1,
    top1_err=0.85,
    top5_err=None,
    lr=0.01,
    images_per_s=999.0,
    time=1.0,
)


def _line_reporter() -> tuple[LineReporter, io.StringIO]:
    """A reporter without a terminal whose lines are always due."""
    out = io.StringIO()
    reporter = LineReporter(Console(file=out, width=200, color_system=None))
    reporter.SECONDS_BETWEEN_LINES = 0  # type: ignore[misc]
    return reporter, out


def test_an_epoch_is_one_line_with_errors_in_percent() -> None:
    assert epoch_line([TRAIN, VAL], 3) == (
        "epoch 1/3  train loss 2.000 error 80.00% top-5 30.00%  "
        "val loss 1.500 error 70.00%  lr 0.01  1,234 images/s"
    )


def test_a_step_is_one_line_with_where_training_is() -> None:
    assert step_line(STEP, 3, 1200) == (
        "epoch 1/3  step 20/1,200  loss 2.100  error 85.00%  lr 0.01  999 im/s"
    )


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
    reporter.SECONDS_BETWEEN_LINES = 1000  # type: ignore[misc]
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
