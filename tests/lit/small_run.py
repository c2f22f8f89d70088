"""The quick start, shrunk to two epochs of three updates, for tests of single parts of training."""

import copy
import functools
from pathlib import Path
from typing import Any

import torch

from alexcli.data.dataset import Dataset
from alexcli.data.open import open_dataset
from alexcli.lit.datamodule import DataModule
from alexcli.lit.fit import fit
from alexcli.lit.loggers.base import LoggedRun
from alexcli.lit.module import AlexNetModule
from alexcli.placement.single import SinglePlacement
from alexcli.records.training import EpochRow
from alexcli.reporter import NullReporter, Reporter
from alexcli.run.training import build_training
from alexcli.schema import TrainSpec
from tests.conftest import small

STEPS_PER_EPOCH = 3

CONSTANT = (
    "optim.lr=0.01",
    "optim.groups.weights.lr={kind: constant, per: epoch}",
    "optim.groups.biases.lr={kind: constant, per: epoch}",
)
"""One learning rate for the whole run, unless a test chooses another schedule."""


def build(*overrides: str) -> tuple[AlexNetModule, DataModule]:
    """The module and its loaders, on the CPU."""
    spec = copy.deepcopy(_spec(overrides))
    placement = SinglePlacement(torch.device("cpu"), spec.model.towers)
    return build_training(spec, _dataset(), placement, NullReporter())


@functools.cache
def _spec(overrides: tuple[str, ...]) -> TrainSpec:
    """Composing a configuration takes longer than training on it."""
    return small("data.workers=0", *CONSTANT, *overrides)


@functools.cache
def _dataset() -> Dataset:
    return open_dataset(_spec(()).data)


def run_fit(
    module: AlexNetModule,
    data: DataModule,
    directory: Path,
    *,
    checkpoint: Path | None = None,
    reporter: Reporter | None = None,
) -> EpochRow | None:
    """Train to the end and record in a directory."""
    directory.mkdir(exist_ok=True)
    return fit(
        module,
        data,
        run=LoggedRun(directory, config={}, settings={}, rows=()),
        checkpoint=checkpoint,
        bf16=False,
        reporter=reporter or NullReporter(),
    )


class TrainerAtStep:
    """What the module asks of a trainer."""

    def __init__(self, module: AlexNetModule, step: int = 0) -> None:
        self.global_step = step
        self.optimizers = [module.configure_optimizers()]
        self.should_stop = False


def attach_trainer(module: AlexNetModule, step: int = 0) -> TrainerAtStep:
    """Let a module believe that it is at a step of a run."""
    trainer: Any = TrainerAtStep(module, step)
    module.trainer = trainer
    return trainer
