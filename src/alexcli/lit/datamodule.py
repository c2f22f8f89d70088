"""The splits of a data set as Lightning's loaders."""

import math

import lightning as L
import torch

from alexcli.data.dataset import Dataset
from alexcli.data.images import ImageSource
from alexcli.data.loader import Loader, ordered_loader, training_loader
from alexcli.placement.base import Placement
from alexcli.placement.single import SinglePlacement
from alexcli.schema import TrainSpec


class DataModule(L.LightningDataModule):
    """A data set, divided among the replicas of a run.

    Args:
        spec: the run's configuration.
        dataset: the opened images.
        placement: which share of each global batch this process takes, and its device; None for
            whole batches on the CPU.
    """

    def __init__(
        self, spec: TrainSpec, dataset: Dataset, placement: Placement | None = None
    ) -> None:
        super().__init__()
        self.spec = spec
        self.dataset = dataset
        self.placement = placement or SinglePlacement(torch.device("cpu"), spec.model.towers)

    @property
    def steps_per_epoch(self) -> int:
        """Updates in one pass over the training set."""
        return math.ceil(len(self.dataset.train) / self.spec.optim.batch_size)

    def train_dataloader(self) -> Loader:
        """Shuffled batches of the training set, starting at the batch of the current step."""
        return training_loader(
            self.dataset.train,
            batch_size=self.spec.optim.batch_size,
            seed=self.spec.seed,
            window=self.spec.data.window,
            share=self.placement.share,
            step=self._step,
            workers=self.spec.data.workers,
            device=self.placement.device,
        )

    def val_dataloader(self) -> list[Loader]:
        """`val`, followed by the training set if `trainer` needs its error after each epoch."""
        trainer_spec = self.spec.trainer
        loaders = [self._ordered(self.dataset.val)]
        if trainer_spec.train_eval or trainer_spec.stop_at_train_error is not None:
            loaders.append(self._ordered(self.dataset.train))
        return loaders

    def _ordered(self, images: ImageSource) -> Loader:
        """All images of a split once, in order."""
        return ordered_loader(
            images,
            batch_size=self.spec.eval.batch_size,
            share=self.placement.share,
            workers=self.spec.data.workers,
            device=self.placement.device,
        )

    def _step(self) -> int:
        """Number of updates so far; 0 without a trainer."""
        return self.trainer.global_step if self.trainer is not None else 0
