"""What happens around the steps: progress, records, checkpoints, interruption, alarms."""

import contextlib
import json
import math
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from types import FrameType
from typing import Any

import lightning as L
import torch
from torch import Tensor

from alexcli.errors import InterruptedRunError, RunFailedError
from alexcli.lit.module import Module
from alexcli.results import EpochRow, Reporter

REPORT_EVERY = 0.25  # seconds between progress reports, so that reading the loss costs nothing


class Recorder(L.Callback):
    """Writes metrics.jsonl and the checkpoints `last` and `best` after each epoch.

    Checkpoints are written under another name first and then renamed, so that a killed run or a
    full disk leaves the one before whole.

    Args:
        directory: of the run.
        reporter: told each epoch.
    """

    def __init__(self, directory: Path, reporter: Reporter) -> None:
        self.directory, self.reporter = directory, reporter
        self.best: EpochRow | None = None

    def state_dict(self) -> dict[str, Any]:
        """The best validation row so far."""
        return {"best": asdict(self.best) if self.best else None}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take it back."""
        self.best = EpochRow(**state_dict["best"]) if state_dict["best"] else None

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Record the epoch, then save it."""
        assert isinstance(pl_module, Module)
        rows = pl_module.rows
        if trainer.is_global_zero:
            with (self.directory / "metrics.jsonl").open("a", encoding="utf-8") as file:
                file.writelines(json.dumps(asdict(row)) + "\n" for row in rows)
        for row in rows:
            figures = {k: v for k, v in asdict(row).items() if isinstance(v, (int, float))}
            for logger in trainer.loggers:
                logger.log_metrics({f"{row.split}/{k}": figures[k] for k in figures}, row.step)
        val = next((row for row in rows if row.split == "val"), None)
        if val is not None and (self.best is None or val.top1_err < self.best.top1_err):
            self.best = val
            save_checkpoint(trainer, self.directory / "best.ckpt")
        save_checkpoint(trainer, self.directory / "last.ckpt")
        self.reporter.epoch(rows, pl_module.spec.optim.epochs)


def save_checkpoint(trainer: L.Trainer, path: Path) -> None:
    """Save under a temporary name and rename; every process of a run calls this.

    Raises:
        RunFailedError: the disk is full or not writable; the file that was there is whole.
    """
    temporary = path.with_suffix(".tmp")
    try:
        trainer.save_checkpoint(temporary, weights_only=False)
        if trainer.is_global_zero:
            temporary.replace(path)
    except (OSError, RuntimeError) as error:
        temporary.unlink(missing_ok=True)
        kept = f"; {path} from before is whole" if path.exists() else ""
        raise RunFailedError.of("train.unsaved", path=path, error=error, kept=kept) from error


class Interruption(L.Callback):
    """Ctrl-C or SIGTERM once: finish the step, save, stop. Twice: stop at once.

    Whichever process of a run is asked, all stop after the same step.

    Args:
        directory: of the run.
        reporter: told what is going on.
    """

    def __init__(self, directory: Path, reporter: Reporter) -> None:
        self.directory, self.reporter = directory, reporter
        self.asked = self.listens = False

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """Take the signals while a run lasts; only the main thread may."""
        self.listens = threading.current_thread() is threading.main_thread()
        numbers = (signal.SIGINT, signal.SIGTERM) if self.listens else ()
        before = {number: signal.signal(number, self._ask) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        if self.asked:  # Lightning would answer a KeyboardInterrupt with exit code 1.
            raise InterruptedRunError.of("train.stopped_at_once", directory=self.directory)
        self.asked = True
        self.reporter.note("stopping after this step; once more stops at once")

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Take SIGTERM back: Lightning's own handler would end a validation with exit code 0."""
        if self.listens:
            signal.signal(signal.SIGTERM, self._ask)

    def _stop(self, trainer: L.Trainer) -> None:
        raise InterruptedRunError.of("train.stopped", trainer=trainer, directory=self.directory)

    def on_train_batch_end(self, trainer: L.Trainer, pl_module: L.LightningModule, *_: Any) -> None:
        """Save within the epoch and stop, but not after its last step: the epoch's end saves it."""
        assert isinstance(pl_module, Module)
        if not trainer.is_last_batch and pl_module.placement.any(self.asked):
            pl_module.check_finite()  # never save weights that a bad step has spoilt
            save_checkpoint(trainer, self.directory / "last.ckpt")
            self._stop(trainer)

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Stop after an epoch that the recorder has just saved."""
        assert isinstance(pl_module, Module)
        if pl_module.placement.any(self.asked):
            self._stop(trainer)


class Progress(L.Callback):
    """Tells the reporter about steps, and raises the alarm for a loss that is not finite or stuck.

    Args:
        reporter: told a few times a second at most.
        clock: seconds.
    """

    STUCK_AFTER = 300  # updates in a row
    SMOOTH_OVER = 50  # updates
    STUCK_WITHIN = 0.02  # nats from ln(classes), the loss of a net that ignores its input

    def __init__(self, reporter: Reporter, clock: Callable[[], float] = time.monotonic) -> None:
        self.reporter, self.clock = reporter, clock
        self.reported = 0.0
        self.images = 0  # of this epoch, at the last report
        self.losses: list[Tensor] = []
        self.smooth: float | None = None
        self.stuck_since, self.warned = 0, False

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Begin to watch where the run goes on."""
        self.reported, self.stuck_since = self.clock(), trainer.global_step

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Measure speed anew: validation is not training."""
        self.reported, self.images = self.clock(), 0

    def on_train_batch_end(self, trainer: L.Trainer, pl_module: L.LightningModule, *_: Any) -> None:
        """Report, at most every REPORT_EVERY seconds and in the last step of an epoch."""
        assert isinstance(pl_module, Module)
        self.losses.append(pl_module.last_loss)
        elapsed = self.clock() - self.reported
        if elapsed < REPORT_EVERY and not trainer.is_last_batch:
            return
        pl_module.check_finite()
        loss = float(torch.stack(self.losses).mean())  # since the last report
        classes = pl_module.spec.model.classes
        self._watch(loss, len(self.losses), trainer.global_step, classes)
        self.losses = []
        speed = (pl_module.epoch_images - self.images) / max(elapsed, 1e-9)
        row = replace(pl_module.row("train", pl_module.train_errors, speed), loss=loss)
        epochs = pl_module.spec.optim.epochs
        self.reporter.step(row, epochs, epochs * pl_module.data.steps_per_epoch)
        self.reported, self.images = self.clock(), pl_module.epoch_images

    def _watch(self, loss: float, count: int, step: int, classes: int) -> None:
        """Warn once about a loss that stays at ln(classes), the commonest report of ports.

        Args:
            loss: mean of the last `count` updates; single batches are noisy, so it is smoothed.
            count: updates since the last call.
            step: updates so far.
            classes: number of classes.
        """
        before = loss if self.smooth is None else self.smooth
        self.smooth = before + (loss - before) * min(1.0, count / self.SMOOTH_OVER)
        if abs(self.smooth - math.log(classes)) > self.STUCK_WITHIN:
            self.stuck_since = step
        if self.warned or step - self.stuck_since < self.STUCK_AFTER:
            return
        self.warned = True
        self.reporter.warn(
            f"for {step - self.stuck_since} steps the loss has been within {self.STUCK_WITHIN} of "
            f"{math.log(classes):.3f}, that of guessing among {classes} classes: look at the rate "
            f"(optim.rate), the initial weights (model.trunk.*.std) and the pixel scale "
            f"(augment.pixel_scale); a rate ten times lower often helps"
        )
