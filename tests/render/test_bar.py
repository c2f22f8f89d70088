import io

import pytest
from rich.console import Console

from alexcli.render.bar import FittingBar
from alexcli.render.status_line import Column, step_columns
from tests.render.epoch_rows import STEP


def _drawn(width: int, task: str, total: int | None, status: list[Column]) -> str:
    """A bar on a terminal of a width, as text."""
    out = io.StringIO()
    console = Console(file=out, width=width, force_terminal=True, color_system=None)
    bar = FittingBar(console, task)
    clock = iter(range(100, 200))
    bar.get_time = lambda: float(next(clock))
    for completed in (300, 600):
        bar.move(completed, total, status)
    console.print(*bar.get_renderables())
    return out.getvalue()


@pytest.mark.parametrize(
    ("width", "shown", "gone"),
    [
        (120, ["epoch 1/3  step 20/1,200  loss 2.100  error 85.00%", "im/s", "0:00:00", "ETA"], []),
        (80, ["epoch 1/3  loss 2.100  error 85.00%  999 im/s", "━━━━", "ETA"], ["0:00:00"]),
        (60, ["epoch 1/3  loss 2.100  error 85.00%", "━━━━", "ETA"], ["im/s", "step"]),
        (40, ["epoch 1/3  loss 2.100", "ETA"], ["error", "━"]),
    ],
)
def test_a_step_fits_terminals_of_any_width(width: int, shown: list[str], gone: list[str]) -> None:
    text = _drawn(width, "", 1200, step_columns(STEP, 3, 1200))
    assert text.count("\n") == 1
    assert len(text.rstrip("\n")) <= width
    assert "…" not in text
    for part in shown:
        assert part in text
    for part in gone:
        assert part not in text


@pytest.mark.parametrize("width", [120, 80, 60, 40])
def test_a_long_name_is_shortened_and_means_no_format(width: int) -> None:
    text = _drawn(width, "evaluating {flowers}/" + "x" * 100, 1200, [Column("20/1,200", 1)])
    assert text.count("\n") == 1
    assert "evaluating {" in text
    assert "…" in text
    assert "20/1,200" in text


@pytest.mark.parametrize("width", [120, 80, 60])
def test_until_its_speed_is_known_work_shows_the_time_that_has_passed(width: int) -> None:
    out = io.StringIO()
    console = Console(file=out, width=width, force_terminal=True, color_system=None)
    bar = FittingBar(console, "epochs")
    bar.move(0, 12, [Column("0/12", 1)])
    console.print(*bar.get_renderables())
    assert "0/12 0:00:00" in out.getvalue()
    assert "ETA" not in out.getvalue()


def test_work_of_unknown_length_has_no_end_in_sight() -> None:
    text = _drawn(80, "starting", None, [])
    assert "starting" in text
    assert "0:00:00" in text
    assert "ETA" not in text
