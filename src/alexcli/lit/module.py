"""The LightningModule: a training step, a validation step, and the state between epochs."""

import math
import time
from typing import Any

import lightning as L
import torch
from torch import Tensor

from alexcli import rng
from alexcli.data.transforms import Batch, Preprocess
from alexcli.errors import RunFailedError
from alexcli.lit.datamodule import DataModule
from alexcli.lit.peak_memory import peak_memory_bytes, reset_peak_memory
from alexcli.losses import training_loss
from alexcli.metrics.top_k import TopKMeter
from alexcli.model.net import Net, all_named_parameters
from alexcli.optim.groups import apply_schedules, build_optimizer
from alexcli.optim.plateau import DivideOnPlateau
from alexcli.optim.schedules import RunPosition, changes_per_step, uses_plateau
from alexcli.records.training import EpochRow
from alexcli.rng import DropoutContext
from alexcli.schema import Activation

VALIDATION_SPLITS = ("val", "train_eval")
"""Splits in the order of DataModule.val_dataloader."""


class AlexNetModule(L.LightningModule):
    """A net, its preprocessing and its learning rule.

    Args:
        net: built from `data.spec.model`.
        preprocess: turns stored images into the net's input.
        data: the images, the run's configuration and its placement.
    """

    rows: list[EpochRow]
    """The rows that the epoch just completed adds to metrics.jsonl."""
    last_loss: Tensor
    """Mean cross-entropy over this replica's images in the last update; a scalar, nats."""
    finished: bool
    """Whether the plateau rule, or reaching a training error, ends the run."""
    epoch_images: int
    """Images of all replicas trained on in this epoch, in this session."""

    def __init__(self, net: Net, preprocess: Preprocess, data: DataModule) -> None:
        super().__init__()
        spec = data.spec
        self.net = net
        self.preprocess = preprocess
        self.data = data
        self.spec = spec
        self.placement = data.placement
        self.train_meter = TopKMeter(spec.model.classes)
        self.val_meters = [TopKMeter(spec.model.classes) for _ in VALIDATION_SPLITS]
        self.plateau = DivideOnPlateau(spec.optim.plateau)
        self.rows = []
        self.last_loss = torch.tensor(math.nan)
        self.finished = False
        self.epoch_images = 0
        self._earlier_seconds = 0.0  # of the earlier sessions
        self._session_start = time.monotonic()
        self._pass_start = self._session_start

    @property
    def position(self) -> RunPosition:
        """The position of the next update in the run."""
        return RunPosition(
            step=self.global_step,
            steps_per_epoch=self.data.steps_per_epoch,
            epochs=self.spec.optim.epochs,
            plateau_divisor=self.plateau.divisor,
        )

    @property
    def epoch(self) -> int:
        """Epoch of the next update, counted from 1."""
        return self.position.epoch

    @property
    def last_epoch(self) -> int:
        """Epoch of the last update, counted from 1; 1 before the first update."""
        return max(1, math.ceil(self.global_step / self.data.steps_per_epoch))

    @property
    def seconds(self) -> float:
        """Seconds of the run so far, summed over its sessions."""
        return self._earlier_seconds + time.monotonic() - self._session_start

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """The optimizer that `optim.kind` names, over the parameters of all towers."""
        return build_optimizer(all_named_parameters(self.net), self.spec.optim)

    def optimizer_step(self, *args: Any, **kwargs: Any) -> None:
        """Update, and free the gradients at once: the next forward pass then reuses their memory.

        Lightning frees them after the next forward pass, which made a step of the paper's net 1.3
        times as long.
        """
        super().optimizer_step(*args, **kwargs)
        self.zero_grad()

    def optimizer_zero_grad(self, *_: Any) -> None:
        """Do nothing: `optimizer_step` has freed the gradients."""

    def on_fit_start(self) -> None:
        """Start the clocks of the session and of its first pass.

        A session that resumes within an epoch has no `on_train_epoch_start`.
        """
        self._session_start = time.monotonic()
        self._start_pass()

    def on_train_start(self) -> None:
        """Stop at once if the run had ended when its last checkpoint was written.

        Such a run was killed between that checkpoint and result.json; it has nothing to train.
        """
        self.trainer.should_stop = self.finished

    def on_train_epoch_start(self) -> None:
        """Set the learning rates and weight decays of the epoch, and start its meter."""
        self._apply_schedules()
        self.train_meter.reset()
        self.epoch_images = 0
        self._start_pass()

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        """Set the learning rates of this update if a schedule changes within the epoch.

        They depend only on the number of updates, so that a resumed run continues exactly.
        """
        if changes_per_step(self.spec.optim):
            self._apply_schedules()

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """This replica's contribution to the mean loss over the global batch."""
        seed = self.spec.seed
        self._seed_torch()
        x = self.preprocess.augment(batch, seed=seed, epoch=self.epoch)
        first_row, global_images = self._share_of_batch()
        context = DropoutContext(seed=seed, step=self.global_step, row=first_row)
        scores = self.net(x, context).float()
        smoothing = self.spec.optim.label_smoothing
        loss = training_loss(scores, batch.labels, global_images, label_smoothing=smoothing)
        recorded = loss.detach()
        if smoothing:  # recorded without it, for comparison with the validation loss
            recorded = training_loss(
                scores.detach(), batch.labels, global_images, label_smoothing=0.0
            )
        # The mean over this replica's images.
        self.last_loss = recorded * (global_images / max(1, len(x)))
        self.train_meter.update(scores.detach(), batch.labels, self.last_loss)
        self.epoch_images += global_images
        return loss

    def on_validation_epoch_start(self) -> None:
        """Make the row of the training pass, which has ended, and start the validation meters."""
        self.rows = []
        if self.epoch_images:
            elapsed = time.monotonic() - self._pass_start
            meter = self.train_meter.summed_over(self.placement.all_reduce_sum)
            self.rows.append(self.epoch_row("train", meter, self.epoch_images / elapsed))
        for meter in self.val_meters:
            meter.to(self.device).reset()
        self._start_pass()

    def validation_step(self, batch: Batch, batch_idx: int, dataloader_idx: int = 0) -> None:
        """Evaluate a batch of centre crops without dropout and noise."""
        scores = self.net(self.preprocess.crop(batch.images)).float()
        self.val_meters[dataloader_idx].update(scores, batch.labels)

    def on_validation_epoch_end(self) -> None:
        """Make the rows of the validation pass, and decide whether the run ends."""
        elapsed = time.monotonic() - self._pass_start
        meters = [meter.summed_over(self.placement.all_reduce_sum) for meter in self.val_meters]
        images = sum(meter.count() for meter in meters)
        for split, meter in zip(VALIDATION_SPLITS, meters, strict=True):
            if not meter.count():
                continue
            row = self.epoch_row(split, meter, images / elapsed)
            self.rows.append(row)
            if split == "val":
                self.plateau.update(row.top1_err)
        stopped_by_plateau = uses_plateau(self.spec.optim) and self.plateau.finished
        self.finished = stopped_by_plateau or self._reached_train_error()

    def on_train_epoch_end(self) -> None:
        """Stop training if the validation pass has ended the run."""
        self.trainer.should_stop = self.finished

    def epoch_row(self, split: str, meter: TopKMeter, images_per_s: float) -> EpochRow:
        """A row of metrics.jsonl.

        Args:
            split: train, val or train_eval.
            meter: the measurements, over all replicas.
            images_per_s: images per second in this pass.

        Raises:
            RunFailedError: the loss is not finite; names the step.
        """
        metrics = meter.compute()
        self._refuse_non_finite(split, metrics["loss"])
        return EpochRow(
            step=self.global_step,
            epoch=self.last_epoch,
            split=split,
            **metrics,
            lr=float(self.trainer.optimizers[0].param_groups[0]["lr"]),
            images_per_s=images_per_s,
            time=self.seconds,
            peak_memory_bytes=peak_memory_bytes(self._net_devices()),
        )

    def check_finite(self) -> None:
        """Check the loss of the last update.

        Raises:
            RunFailedError: it is not finite; names the step.
        """
        self._refuse_non_finite("training", float(self.last_loss))

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add what Lightning does not save: plain data and tensors, which load without code."""
        checkpoint["alexcli"] = {
            "classes": self.data.dataset.classes,
            "plateau": self.plateau.state_dict(),
            "finished": self.finished,
            "seconds": self.seconds,
            "train_errors": self.train_meter.summed_over(self.placement.all_reduce_sum).sums,
        }

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Restore the state that `on_save_checkpoint` added."""
        state = checkpoint["alexcli"]
        self.plateau.load_state_dict(state["plateau"])
        self.finished = state["finished"]
        self._earlier_seconds = state["seconds"]
        sums = state["train_errors"]
        # The sums are over all replicas, so only one replica restores them. Imported checkpoints
        # have none.
        if self.placement.replica == 0 and isinstance(sums, Tensor):
            self.train_meter.sums.copy_(sums)

    def _apply_schedules(self) -> None:
        """Set the learning rates and weight decays of the next update."""
        apply_schedules(self.trainer.optimizers[0], self.spec.optim, self.position)

    def _seed_torch(self) -> None:
        """Seed torch's own generator for this step, if the net draws from it.

        RReLU and torchvision's dropout do; everything else draws from `alexcli.rng`.
        """
        model = self.spec.model
        if model.activation is Activation.rrelu or model.torchvision is not None:
            # One stream for all of torch's own random ops; its name determines the numbers.
            torch.manual_seed(rng.stream_key("rrelu", self.spec.seed, self.global_step) >> 1)

    def _share_of_batch(self) -> tuple[int, int]:
        """First row of this replica's images in the global batch, and the size of that batch."""
        batch_size = self.spec.optim.batch_size
        batch_in_epoch = self.global_step % self.data.steps_per_epoch
        remaining = len(self.data.dataset.train) - batch_in_epoch * batch_size
        global_images = min(batch_size, remaining)
        first_row, _ = self.placement.share(global_images)
        return first_row, global_images

    def _reached_train_error(self) -> bool:
        """Whether the error on the training set, without dropout and noise, ends the run."""
        limit = self.spec.trainer.stop_at_train_error
        if limit is None:
            return False
        return any(row.top1_err <= limit for row in self.rows if row.split == "train_eval")

    def _start_pass(self) -> None:
        """Start the clock and the peak-memory count of a pass over a split."""
        self._pass_start = time.monotonic()
        reset_peak_memory(self._net_devices())

    def _net_devices(self) -> set[torch.device]:
        """The devices of the towers that this process holds."""
        return {parameter.device for parameter in self.net.parameters()}

    def _refuse_non_finite(self, loss_name: str, loss: float) -> None:
        """Raise RunFailedError unless the loss is finite."""
        if not math.isfinite(loss):
            raise RunFailedError(
                f"the {loss_name} loss is {loss} at step {self.global_step:,} "
                f"(epoch {self.last_epoch})",
                hint=f"lower the learning rate: optim.lr={self.spec.optim.lr / 10:g}",
            )
