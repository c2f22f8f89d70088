"""Events for TensorBoard."""

from pathlib import Path

import pytest

pytest.importorskip("tensorboard")

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from alexcli.lit.loggers.tensorboard import EventsLogger
from alexcli.schema import LoggerSpec
from tests.lit.loggers.sessions import in_one_session, killed_and_resumed


def start(run: object) -> EventsLogger:
    return EventsLogger(LoggerSpec(tensorboard=True), run)  # type: ignore[arg-type]


def series(directory: Path) -> dict[str, list[tuple[int, float]]]:
    """By the name of each scalar, its steps and values, as TensorBoard reads them."""
    events = EventAccumulator(str(directory / "tensorboard"))
    events.Reload()
    return {
        name: [(event.step, event.value) for event in events.Scalars(name)]
        for name in events.Tags()["scalars"]
    }


def test_each_number_is_a_series_over_the_steps(tmp_path: Path) -> None:
    in_one_session(start, tmp_path)
    scalars = series(tmp_path)
    assert scalars["val/loss"] == [(3, 1.0), (6, 0.5)]
    assert "val/top5_err" not in scalars


def test_a_killed_run_ends_with_the_series_of_an_uninterrupted_one(tmp_path: Path) -> None:
    in_one_session(start, tmp_path / "whole")
    killed_and_resumed(start, tmp_path / "killed")
    assert series(tmp_path / "killed") == series(tmp_path / "whole")


def test_events_of_a_resumed_run_are_as_far_apart_as_the_training_took(tmp_path: Path) -> None:
    killed_and_resumed(start, tmp_path)
    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    first, second = (event.wall_time for event in events.Scalars("val/loss"))
    assert second - first == pytest.approx(1.0, abs=1e-3)


def test_the_table_of_settings_has_those_of_the_run(tmp_path: Path) -> None:
    in_one_session(start, tmp_path)
    (file,) = (tmp_path / "tensorboard").iterdir()
    content = file.read_bytes()  # records of protocol buffers, whose strings are plain
    assert b"optim.lr" in content
    assert b"_hparams_/session_start_info" in content
