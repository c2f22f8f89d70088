"""Ctrl-C and SIGTERM: once ends the step, twice ends the run."""

import os
import signal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from alexcli.errors import InterruptedRunError, RunFailedError
from alexcli.lit.interruption import Interruption
from alexcli.reporter import NullReporter
from tests.lit.small_run import build


class NoteReporter(NullReporter):
    """Keeps the notes that it receives."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


def trainer_at(step: int, *, is_last_batch: bool, saved: list[Path]) -> Any:
    """What the callback asks of Lightning's trainer."""

    def save_checkpoint(path: Path, **_: object) -> None:
        path.touch()
        saved.append(path)

    return SimpleNamespace(
        global_step=step,
        is_last_batch=is_last_batch,
        is_global_zero=True,
        save_checkpoint=save_checkpoint,
    )


def test_a_process_that_was_just_forked_leaves_the_signal_to_its_parent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reporter = NoteReporter()
    interruption = Interruption(tmp_path, reporter)
    with interruption.listening():
        monkeypatch.setattr(os, "getpid", lambda: -1)
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
    assert not interruption.is_requested
    assert not reporter.notes


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 75)])
def test_the_first_signal_is_noted_and_the_second_ends_the_run(
    tmp_path: Path, number: signal.Signals, code: int
) -> None:
    reporter = NoteReporter()
    interruption = Interruption(tmp_path, reporter)
    handler = signal.getsignal(number)
    with interruption.listening():
        signal.raise_signal(number)
        assert interruption.is_requested
        with pytest.raises(InterruptedRunError, match="stopped immediately") as stopped:
            signal.raise_signal(number)
    assert stopped.value.exit_code == code
    assert reporter.notes == ["stopping after this step; press Ctrl-C again to stop immediately"]
    assert signal.getsignal(number) == handler


def test_a_requested_stop_saves_within_the_epoch(tmp_path: Path) -> None:
    module, _ = build()
    module.last_loss = torch.tensor(1.0)
    interruption = Interruption(tmp_path, NullReporter())
    saved: list[Path] = []
    trainer = trainer_at(2, is_last_batch=False, saved=saved)
    interruption.on_train_batch_end(trainer, module)
    assert not saved
    interruption.received = signal.SIGTERM
    with pytest.raises(InterruptedRunError, match="stopped after step 2; saved in") as stopped:
        interruption.on_train_batch_end(trainer, module)
    assert (tmp_path / "last.ckpt").exists()
    assert stopped.value.exit_code == 75


def test_after_the_last_step_of_an_epoch_the_end_of_the_epoch_saves_and_stops(
    tmp_path: Path,
) -> None:
    module, _ = build()
    interruption = Interruption(tmp_path, NullReporter())
    interruption.received = signal.SIGTERM
    saved: list[Path] = []
    trainer = trainer_at(3, is_last_batch=True, saved=saved)
    interruption.on_train_batch_end(trainer, module)
    assert not saved
    with pytest.raises(InterruptedRunError, match="stopped after step 3"):
        interruption.on_train_epoch_end(trainer, module)


def test_weights_that_a_bad_step_has_spoilt_are_not_saved(tmp_path: Path) -> None:
    module, _ = build()
    module.last_loss = torch.tensor(float("nan"))
    interruption = Interruption(tmp_path, NullReporter())
    interruption.received = signal.SIGTERM
    saved: list[Path] = []
    with pytest.raises(RunFailedError, match="training loss is nan"):
        interruption.on_train_batch_end(trainer_at(2, is_last_batch=False, saved=saved), module)
    assert not saved


def test_a_signal_that_the_last_epochs_end_missed_stops_before_the_evaluation(
    tmp_path: Path,
) -> None:
    module, _ = build()
    interruption = Interruption(tmp_path, NullReporter())
    trainer = trainer_at(4, is_last_batch=True, saved=[])
    interruption.on_train_epoch_end(trainer, module)
    interruption.stop_if_requested(trainer)
    interruption.received = signal.SIGTERM
    with pytest.raises(InterruptedRunError, match="stopped after step 4"):
        interruption.stop_if_requested(trainer)
