"""One training step, one validation step, and what is carried from epoch to epoch."""

import math
import time
from typing import Any

import lightning as L
import torch
import torch.nn.functional as F
from torch import Tensor

from alexcli import draws
from alexcli.data.transforms import Batch, Preprocess
from alexcli.draws import At
from alexcli.errors import RunFailedError
from alexcli.lit.datamodule import DataModule
from alexcli.metrics import Errors
from alexcli.model.towers import Towers, named_in_full
from alexcli.optim import DivideOnPlateau, build_optimizer, set_epoch, uses_plateau
from alexcli.results import EpochRow
from alexcli.schema import Activation

VALIDATION = ("val", "train_eval")
"""Splits in the order of DataModule.val_dataloader."""


class Module(L.LightningModule):
    """A net, its preprocessing and its learning rule.

    Args:
        net: built from `spec.model`.
        preprocess: from stored pictures to the net's input.
        data: what it is trained on, under which configuration and placement.
    """

    def __init__(self, net: Towers, preprocess: Preprocess, data: DataModule) -> None:
        super().__init__()
        self.net, self.preprocess, self.data = net, preprocess, data
        spec = self.spec = data.spec
        self.placement = data.placement
        self.train_errors = Errors(spec.model.classes)
        self.val_errors = [Errors(spec.model.classes) for _ in VALIDATION]
        self.plateau = DivideOnPlateau(spec.optim.plateau)
        self.rows: list[EpochRow] = []
        self.last_loss = torch.tensor(math.nan)
        self.finished = False  # by the plateau rule or a wanted training error
        self.seconds_before = 0.0  # of earlier sessions of a resumed run
        self.began = self.pass_began = time.monotonic()
        self.epoch_images = 0

    @property
    def epoch(self) -> int:
        """Epoch of the next update, counted from 1."""
        return self.global_step // self.data.steps_per_epoch + 1

    @property
    def seconds(self) -> float:
        """Since the run began, over all resumptions, pauses left out."""
        return self.seconds_before + time.monotonic() - self.began

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """The learning rule of section 5, or the one that `optim.kind` names."""
        return build_optimizer(named_in_full(self.net), self.spec.optim)

    def optimizer_step(self, *args: Any, **keys: Any) -> None:
        """Update, and free the gradients at once: the next forward pass then works in their memory.

        Lightning frees them after it, which made a step of the paper's net 1.3 times as long.
        """
        super().optimizer_step(*args, **keys)
        self.zero_grad()

    def optimizer_zero_grad(self, *_: Any) -> None:
        """Nothing is left to free."""

    def on_fit_start(self) -> None:
        """Start the clock."""
        self.began = self.pass_began = time.monotonic()

    def on_train_epoch_start(self) -> None:
        """Set rates and decays of the epoch; rates change between epochs only."""
        set_epoch(self.trainer.optimizers[0], self.spec.optim, self.epoch, self.plateau.drops)
        self.train_errors.reset()
        self.pass_began, self.epoch_images = time.monotonic(), 0

    def _rows(self) -> tuple[int, int]:
        """First row of this process's pictures in the global batch, and rows of that batch."""
        size = self.spec.optim.batch_size
        before = self.global_step % self.data.steps_per_epoch * size
        rows = min(size, len(self.data.dataset.train) - before)
        return self.placement.share(rows)[0], rows

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """This replica's part of the mean cross-entropy over the global batch."""
        seed = self.spec.seed
        model = self.spec.model
        # These draw from torch's own generator.
        if model.activation is Activation.rrelu or model.torchvision is not None:
            torch.manual_seed(draws.key("rrelu", seed, self.global_step) >> 1)
        x = self.preprocess.train_view(batch, seed=seed, epoch=self.epoch)
        first, rows = self._rows()
        scores = self.net(x, At(seed=seed, step=self.global_step, row=first)).float()
        loss = F.cross_entropy(scores, batch.labels, reduction="sum") / rows
        self.last_loss = loss.detach() * (rows / max(1, len(x)))  # the mean over these pictures
        self.train_errors.update(scores.detach(), batch.labels, self.last_loss)
        self.epoch_images += rows
        return loss

    def on_validation_epoch_start(self) -> None:
        """The training pass has ended: make its row before the validation pass begins."""
        self.rows = []
        if self.epoch_images:
            elapsed = time.monotonic() - self.pass_began
            errors = self.train_errors.over(self.placement.total)
            self.rows.append(self.row("train", errors, self.epoch_images / elapsed))
        for errors in self.val_errors:
            errors.to(self.device).reset()
        self.pass_began = time.monotonic()

    def validation_step(self, batch: Batch, batch_idx: int, dataloader_idx: int = 0) -> None:
        """Centre crop, no dropout, no noise."""
        scores = self.net(self.preprocess.view(batch.images)).float()
        self.val_errors[dataloader_idx].update(scores, batch.labels)

    def on_validation_epoch_end(self) -> None:
        """Make the rows of the epoch and let the plateau rule see the validation error."""
        elapsed = time.monotonic() - self.pass_began
        found = [errors.over(self.placement.total) for errors in self.val_errors]
        total = sum(errors.count() for errors in found)
        for split, errors in zip(VALIDATION, found, strict=True):
            if errors.count():
                self.rows.append(self.row(split, errors, total / elapsed))
                if split == "val":
                    self.plateau.update(self.rows[-1].top1_err)

        wanted = self.spec.trainer.stop_at_train_error
        clean = [row.top1_err for row in self.rows if row.split == "train_eval"]
        reached = wanted is not None and any(error <= wanted for error in clean)
        self.finished = reached or (uses_plateau(self.spec.optim) and self.plateau.finished)

    def on_train_epoch_end(self) -> None:
        """Stop where the plateau rule, or a wanted training error, says so."""
        self.trainer.should_stop = self.finished

    on_train_start = on_train_epoch_end  # a run that was killed after its last epoch is done

    def row(self, split: str, errors: Errors, images_per_s: float) -> EpochRow:
        """A row of metrics.jsonl.

        Raises:
            RunFailedError: the loss is not finite; names step and quantity.
        """
        found = errors.compute()
        self._check(split, found["loss"])
        return EpochRow(
            **self._last_update(),
            **found,
            split=split,
            lr=float(self.trainer.optimizers[0].param_groups[0]["lr"]),
            images_per_s=images_per_s,
            time=self.seconds,
        )

    def _last_update(self) -> dict[str, Any]:
        step = self.global_step
        return {"step": step, "epoch": max(1, -(-step // self.data.steps_per_epoch))}

    def check_finite(self) -> None:
        """RunFailedError, naming step and quantity, unless the last step's loss is finite."""
        self._check("training", float(self.last_loss))

    def _check(self, what: str, loss: float) -> None:
        if not math.isfinite(loss):
            at = self._last_update() | {"rate": self.spec.optim.rate / 10}
            raise RunFailedError.of("train.not_finite", what=what, loss=loss, **at)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add what Lightning does not know of; plain numbers only, so that loading runs no code."""
        checkpoint["alexcli"] = {
            "classes": self.data.dataset.classes,
            "plateau": self.plateau.state_dict(),
            "finished": self.finished,
            "seconds": self.seconds,
            "train_errors": self.train_errors.over(self.placement.total).sums.clone(),
        }

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take it back."""
        kept = checkpoint["alexcli"]
        self.plateau.load_state_dict(kept["plateau"])
        self.finished = kept["finished"]
        self.seconds_before = kept["seconds"]
        sums = kept["train_errors"]
        # Earlier checkpoints, and imported ones, keep no sums of this kind.
        if self.placement.replica == 0 and isinstance(sums, Tensor):
            self.train_errors.sums.copy_(sums)  # over all replicas, to be added up again
