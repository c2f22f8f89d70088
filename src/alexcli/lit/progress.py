"""Progress of training, and a warning about a net that does not learn."""

import math
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import lightning as L
import torch
from torch import Tensor

from alexcli.lit.module import AlexNetModule
from alexcli.reporter import Reporter

REPORT_EVERY = 0.25
"""Seconds between progress reports, so that reading the loss from a GPU costs little."""
UNREPORTED_VALIDATION = 4.0
"""Seconds after which the progress of a validation pass is reported; most end sooner."""


class StuckLoss:
    """Recognizes a loss that stays at ln(K), the loss of a net that ignores its input.

    Args:
        classes: number of classes K.
        step: updates made before the first loss.
    """

    PATIENCE = 300  # updates in a row
    SMOOTH_OVER = 50  # updates: the losses of single batches are noisy
    TOLERANCE = 0.02  # nats around ln(K)

    def __init__(self, classes: int, step: int) -> None:
        self.classes = classes
        self.level = math.log(classes)  # nats
        self.near_since = step
        self.smoothed: float | None = None

    def update(self, loss: float, count: int, step: int) -> int | None:
        """Add a loss.

        Args:
            loss: mean over the last `count` updates, nats.
            count: updates since the last call.
            step: updates made so far.

        Returns:
            The number of updates for which the loss has been near ln(K), if too many; else None.
        """
        before = loss if self.smoothed is None else self.smoothed
        self.smoothed = before + (loss - before) * min(1.0, count / self.SMOOTH_OVER)
        if abs(self.smoothed - self.level) > self.TOLERANCE:
            self.near_since = step
        steps_near = step - self.near_since
        return steps_near if steps_near >= self.PATIENCE else None


class Progress(L.Callback):
    """Reports steps; raises an error if the loss is not finite, and warns if it does not change.

    Args:
        reporter: receives a row at most a few times per second.
        clock: seconds; replaced in tests.
    """

    stuck_loss: StuckLoss | None
    """Watches the loss; None before training, and after its one warning."""

    def __init__(self, reporter: Reporter, clock: Callable[[], float] = time.monotonic) -> None:
        self.reporter = reporter
        self.clock = clock
        self.stuck_loss = None
        self._last_report = 0.0
        self._validation_began = 0.0
        self._images_reported = 0  # of this epoch
        self._losses: list[Tensor] = []  # since the last report; on the device, not yet read

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Start watching the loss, at the step where the run starts or resumes."""
        assert isinstance(pl_module, AlexNetModule)
        self.stuck_loss = StuckLoss(pl_module.spec.model.classes, trainer.global_step)
        self._last_report = self.clock()

    def on_train_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Restart the speed measurement, because a validation pass may lie in between."""
        self._last_report = self.clock()
        self._images_reported = 0

    def on_train_batch_end(self, trainer: L.Trainer, pl_module: L.LightningModule, *_: Any) -> None:
        """Report, at most every REPORT_EVERY seconds and at the last step of an epoch.

        Raises:
            RunFailedError: the loss is not finite.
        """
        assert isinstance(pl_module, AlexNetModule)
        self._losses.append(pl_module.last_loss)
        elapsed = self.clock() - self._last_report
        if elapsed < REPORT_EVERY and not trainer.is_last_batch:
            return
        pl_module.check_finite()
        loss = float(torch.stack(self._losses).mean())
        self._warn_if_stuck(loss, len(self._losses), trainer.global_step)
        self._losses = []
        images_per_s = (pl_module.epoch_images - self._images_reported) / max(elapsed, 1e-9)
        row = pl_module.epoch_row("train", pl_module.train_meter, images_per_s)
        epochs = pl_module.spec.optim.epochs
        steps = epochs * pl_module.data.steps_per_epoch
        self.reporter.step(replace(row, loss=loss), epochs, steps)
        self._last_report = self.clock()
        self._images_reported = pl_module.epoch_images

    def on_validation_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Start the clock of the pass."""
        self._validation_began = self._last_report = self.clock()

    def on_validation_batch_end(
        self,
        trainer: L.Trainer,
        pl_module: L.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Report the progress of a long pass, at most every REPORT_EVERY seconds."""
        assert isinstance(pl_module, AlexNetModule)
        now = self.clock()
        is_short = now - self._validation_began < UNREPORTED_VALIDATION
        if is_short or now - self._last_report < REPORT_EVERY:
            return
        self._last_report = now
        batches = [int(count) for count in trainer.num_val_batches]
        dataset = pl_module.data.dataset
        images = [len(dataset.val), len(dataset.train)][: len(batches)]
        completed = sum(batches[:dataloader_idx]) + batch_idx + 1
        total = sum(images)
        self.reporter.progress("validating", total * completed // sum(batches), total)

    def _warn_if_stuck(self, loss: float, count: int, step: int) -> None:
        """Warn once about a loss that stays at ln(K), the most common complaint about ports."""
        if self.stuck_loss is None:
            return
        stuck = self.stuck_loss
        steps_near = stuck.update(loss, count, step)
        if steps_near is None:
            return
        self.reporter.warn(
            f"for {steps_near:,} steps the loss has been within {stuck.TOLERANCE} of "
            f"{stuck.level:.3f}, that of guessing among {stuck.classes:,} classes: check the "
            "learning rate (optim.lr), the initial weights (model.layers.*.std) and the pixel "
            "scale (augment.pixel_scale); a learning rate ten times lower often helps"
        )
        self.stuck_loss = None
