"""Training with Lightning's Trainer, overriding every default that matters."""

import contextlib
import warnings
from collections.abc import Iterator
from pathlib import Path

import lightning as L

from alexcli.errors import UsageError
from alexcli.lit.checkpointing import EpochRecorder
from alexcli.lit.datamodule import DataModule
from alexcli.lit.interruption import Interruption
from alexcli.lit.loggers.base import LoggedRun
from alexcli.lit.loggers.open import open_loggers
from alexcli.lit.module import AlexNetModule
from alexcli.lit.progress import Progress
from alexcli.lit.strategy import trainer_devices
from alexcli.lit.unit_recording import UnitRecorder
from alexcli.placement.base import Placement
from alexcli.records.training import EpochRow
from alexcli.reporter import Reporter

EXPECTED_WARNINGS = (
    # Images in memory need no loader processes, and folders choose their own number.
    "does not have many workers",
    # Lightning's logging interval is not used: rows are logged once an epoch.
    "smaller than the logging interval",
    # Python 3.12 warns about any fork beside threads; loader processes only read and decode.
    "multi-threaded, use of fork",
    # Lightning 2.6 uses torch's tree specification in a way that torch 2.14 deprecates.
    "LeafSpec",
    # On the login node of a cluster, a run without srun is intended.
    "`srun` command is available",
)
"""Parts of warnings that users cannot do anything about."""


RESTORE_ERRORS = (AttributeError, LookupError, RuntimeError, TypeError, ValueError)
"""Errors of Lightning and torch for a state in a checkpoint that they did not write."""


def fit(
    module: AlexNetModule,
    data: DataModule,
    *,
    run: LoggedRun,
    checkpoint: Path | None,
    bf16: bool,
    reporter: Reporter,
) -> EpochRow | None:
    """Train to the last epoch, recording each epoch in the run directory.

    Args:
        module: the net, its preprocessing and its learning rule.
        data: the loaders.
        run: the run's directory, configuration and metrics so far.
        checkpoint: the file to resume from; None to start at step 0.
        bf16: whether matrix products and convolutions run in bfloat16.
        reporter: receives progress updates.

    Returns:
        The validation row of the best epoch.

    Raises:
        RunFailedError: the disk is full, or the loss is not finite.
        InterruptedRunError: Ctrl-C or SIGTERM; the run is saved.
        UsageError: a logger cannot start, or the checkpoint holds no state of this training.
    """
    spec = module.spec
    placement = module.placement
    interruption = Interruption(run.directory, reporter)
    with (
        open_loggers(spec.logger, run, reporter, is_main=placement.is_main) as loggers,
        warnings.catch_warnings(),
        interruption.listening(),
    ):
        recorder = EpochRecorder(run.directory, reporter, loggers)
        callbacks: list[L.Callback] = [UnitRecorder(run.directory), recorder, interruption]
        if placement.is_main:
            callbacks.append(Progress(reporter))
        warnings.filterwarnings("ignore", message=f".*({'|'.join(EXPECTED_WARNINGS)})")
        trainer = L.Trainer(
            **trainer_devices(placement),
            precision="bf16-mixed" if bf16 else "32-true",
            max_epochs=spec.optim.epochs,
            logger=False,
            callbacks=callbacks,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            use_distributed_sampler=False,
            default_root_dir=str(run.directory),
        )
        with _restoring(checkpoint, recorder):
            trainer.fit(module, datamodule=data, ckpt_path=checkpoint, weights_only=True)
    interruption.stop_if_requested(trainer)  # who stops a run does not wait for its evaluation
    return recorder.best


@contextlib.contextmanager
def _restoring(checkpoint: Path | None, recorder: EpochRecorder) -> Iterator[None]:
    """Explain errors before training begins if it resumes from a checkpoint."""
    try:
        yield
    except RESTORE_ERRORS as error:
        if checkpoint is None or recorder.has_begun:
            raise
        raise UsageError(
            f"{checkpoint} does not hold the state of a training like this one: "
            f"{type(error).__name__}: {error}",
            hint="`--resume never` starts over and keeps the old run",
        ) from error


def bare_trainer(placement: Placement, *, bf16: bool, steps: int) -> L.Trainer:
    """A trainer that only makes some steps, to measure the overhead of its loop.

    Args:
        placement: where the towers live.
        bf16: whether matrix products and convolutions run in bfloat16.
        steps: number of steps.
    """
    return L.Trainer(
        **trainer_devices(placement),
        precision="bf16-mixed" if bf16 else "32-true",
        max_epochs=1,
        limit_train_batches=steps,
        limit_val_batches=0,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
