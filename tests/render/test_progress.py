import io

from rich.console import Console

from alexcli.render.progress import Bars, Lines, duration, epoch_line
from alexcli.results import EpochRow

ROWS = [
    EpochRow(40, 1, "train", 2.0, 0.8, 0.3, 0.01, 1234.5, 3.0),
    EpochRow(40, 1, "val", 1.5, 0.7, None, 0.01, 2000.0, 4.0),
]
STEP = (EpochRow(20, 1, "train", 2.1, 0.85, None, 0.01, 999.0, 1.0), 3, 120)


def test_an_epoch_is_one_line_with_errors_in_percent() -> None:
    line = epoch_line(ROWS, 3)
    assert line == (
        "epoch 1/3  train loss 2.000 error 80.00% top-5 30.00%  "
        "val loss 1.500 error 70.00%  rate 0.01  1,234 images/s"
    )


def test_without_a_terminal_there_are_plain_lines() -> None:
    out = io.StringIO()
    lines = Lines(Console(file=out, width=200, color_system=None))
    lines.EVERY = 0  # type: ignore[misc]
    lines.note("[brackets] stay")
    lines.step(*STEP)
    lines.epoch(ROWS, 3)
    lines.close()
    text = out.getvalue()
    assert "[brackets] stay" in text
    assert "step 20/120" in text
    assert "ETA" in text
    assert "\x1b" not in text
    assert "\r" not in text


def test_on_a_terminal_a_bar_shows_epoch_step_loss_error_rate_and_speed() -> None:
    out = io.StringIO()
    bars = Bars(Console(file=out, width=160, force_terminal=True, color_system=None))
    bars.counted("mean image", 5, 10)
    bars.step(*STEP)
    assert bars.progress is not None
    bars.progress.refresh()
    bars.epoch(ROWS, 3)
    bars.close()
    text = out.getvalue()
    for word in ("mean image", "epoch 1/3", "step 20", "loss 2.100", "85.00%", "0.01", "999 im/s"):
        assert word in text, word
    assert bars.progress is None


def test_durations_are_readable() -> None:
    assert [duration(s) for s in (5, 65, 3700)] == ["0:05", "1:05", "1:01:40"]
