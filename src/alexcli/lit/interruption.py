"""Stopping a run from outside without losing its progress."""

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import lightning as L

from alexcli.errors import InterruptedRunError, TerminatedRunError
from alexcli.lit.checkpointing import save_last
from alexcli.lit.module import AlexNetModule
from alexcli.reporter import Reporter
from alexcli.signals import signals_handled_by


class Interruption(L.Callback):
    """Ctrl-C or SIGTERM once: finish the step, save, stop. Twice: stop immediately.

    If any process of a run receives the signal, all of them stop after the same step.

    Args:
        directory: the run directory.
        reporter: receives a note that the run is stopping.
    """

    received: int | None
    """The first signal that this process has received."""

    def __init__(self, directory: Path, reporter: Reporter) -> None:
        self.directory = directory
        self.reporter = reporter
        self.received = None
        self._listening = False
        self._process = os.getpid()

    @property
    def is_requested(self) -> bool:
        """Whether this process has received a signal."""
        return self.received is not None

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """Handle the signals within the block, which only the main thread of a process may do."""
        self._listening = threading.current_thread() is threading.main_thread()
        signals = (signal.SIGINT, signal.SIGTERM) if self._listening else ()
        with signals_handled_by(self._handle_signal, *signals):
            yield

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Reclaim SIGTERM: Lightning's own handler would end a validation with exit code 0."""
        if self._listening:
            signal.signal(signal.SIGTERM, self._handle_signal)

    def on_train_batch_end(self, trainer: L.Trainer, pl_module: L.LightningModule, *_: Any) -> None:
        """Save within the epoch and stop, except after its last step, where the epoch's end saves.

        Raises:
            InterruptedRunError: a signal was received and the run is saved.
            RunFailedError: the last step's loss is not finite, so its weights are not saved.
        """
        assert isinstance(pl_module, AlexNetModule)
        if trainer.is_last_batch:
            return
        if pl_module.placement.any_process(self.is_requested):
            pl_module.check_finite()
            save_last(trainer, self.directory)
            raise self._stopped(trainer)

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Stop after an epoch that the recorder has just saved.

        Raises:
            InterruptedRunError: a signal was received.
        """
        assert isinstance(pl_module, AlexNetModule)
        if pl_module.placement.any_process(self.is_requested):
            raise self._stopped(trainer)

    def stop_if_requested(self, trainer: L.Trainer) -> None:
        """Stop after the last epoch, whose end did not yet know of the signal.

        Raises:
            InterruptedRunError: a signal was received.
        """
        if self.is_requested:
            raise self._stopped(trainer)

    def _handle_signal(self, number: int, frame: FrameType | None) -> None:
        """Handle a signal: note the first one, and stop at the second.

        A loader process has this handler for a moment after it was forked. It obeys its parent.
        """
        if os.getpid() != self._process:
            return
        if self.is_requested:  # Lightning would answer a KeyboardInterrupt with exit code 1
            raise self._error(
                f"stopped immediately; {self.directory} holds what was saved before",
                hint="repeat the same command to resume from there",
            )
        self.received = number
        self.reporter.note("stopping after this step; press Ctrl-C again to stop immediately")

    def _error(self, message: str, hint: str) -> InterruptedRunError:
        """The error of Ctrl-C in this process, or else of SIGTERM (in any process)."""
        kind = InterruptedRunError if self.received == signal.SIGINT else TerminatedRunError
        return kind(message, hint=hint)

    def _stopped(self, trainer: L.Trainer) -> InterruptedRunError:
        """The error that ends a saved run."""
        return self._error(
            f"stopped after step {trainer.global_step:,}; saved in {self.directory}",
            hint="repeat the same command to resume from here",
        )
