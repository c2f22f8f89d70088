import inspect

import pytest

from alexcli.reporter import NullReporter, Reporter
from tests.render.epoch_rows import STEP, TRAIN


def test_a_null_reporter_takes_everything_and_shows_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    reporter: Reporter = NullReporter()
    reporter.note("a note")
    reporter.warn("a warning")
    reporter.busy("starting")
    reporter.progress("evaluating", 1, 2)
    reporter.step(STEP, epochs=1, steps=1)
    reporter.epoch([TRAIN], epochs=1)
    reporter.close()
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("", "")


def test_a_null_reporter_has_the_signatures_of_a_reporter() -> None:
    names = [name for name, _ in inspect.getmembers(Reporter, inspect.isfunction) if name[0] != "_"]
    assert set(names) == {"note", "warn", "busy", "progress", "step", "epoch", "close"}
    for name in names:
        expected = inspect.signature(getattr(Reporter, name))
        assert inspect.signature(getattr(NullReporter, name)) == expected
