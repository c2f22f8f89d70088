"""What each epoch leaves in the run directory: its rows in metrics.jsonl, and checkpoints."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import lightning as L

from alexcli.errors import RunFailedError
from alexcli.lit.module import AlexNetModule
from alexcli.records.training import EpochRow
from alexcli.reporter import Reporter


class EpochRecorder(L.Callback):
    """Writes metrics.jsonl and the checkpoints `last` and `best` after each epoch.

    Args:
        directory: the run directory.
        reporter: receives the rows of each epoch.
    """

    best: EpochRow | None
    """The validation row with the lowest top-1 error so far; the earliest of equals."""

    def __init__(self, directory: Path, reporter: Reporter) -> None:
        self.directory = directory
        self.reporter = reporter
        self.best = None

    def state_dict(self) -> dict[str, Any]:
        """The best validation row so far, for the checkpoint."""
        return {"best": asdict(self.best) if self.best else None}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore what `state_dict` gave; a row may be older than its newest fields."""
        best = state_dict["best"]
        self.best = EpochRow(**best) if best else None

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Record the epoch, then save it."""
        assert isinstance(pl_module, AlexNetModule)
        rows = pl_module.rows
        if trainer.is_global_zero:
            self._append(rows)
        _log(trainer, rows)
        val = next((row for row in rows if row.split == "val"), None)
        if val is not None and (self.best is None or val.top1_err < self.best.top1_err):
            self.best = val
            save_checkpoint(trainer, self.directory / "best.ckpt")
        save_checkpoint(trainer, self.directory / "last.ckpt")
        self.reporter.epoch(rows, pl_module.spec.optim.epochs)

    def _append(self, rows: list[EpochRow]) -> None:
        """Add the rows to metrics.jsonl."""
        with (self.directory / "metrics.jsonl").open("a", encoding="utf-8") as file:
            file.writelines(json.dumps(asdict(row)) + "\n" for row in rows)


def save_checkpoint(trainer: L.Trainer, path: Path) -> None:
    """Save a checkpoint under a temporary name and rename it; every process of a run calls this.

    A killed run or a full disk thus leaves the earlier checkpoint intact.

    Args:
        trainer: what is saved.
        path: the checkpoint, such as RUN/last.ckpt.

    Raises:
        RunFailedError: the disk is full or not writable.
    """
    temporary = path.with_suffix(".tmp")
    try:
        trainer.save_checkpoint(temporary, weights_only=False)
        if trainer.is_global_zero:
            temporary.replace(path)
    except (OSError, RuntimeError) as error:
        temporary.unlink(missing_ok=True)
        earlier = f"; the earlier {path.name} is intact" if path.exists() else ""
        raise RunFailedError(
            f"{path} could not be saved: {error}{earlier}",
            hint="free some disk space, then repeat the same command: it resumes",
        ) from error


def _log(trainer: L.Trainer, rows: list[EpochRow]) -> None:
    """Send every number of the rows to the trainer's loggers, as `split/name`."""
    for row in rows:
        metrics = {
            f"{row.split}/{name}": value
            for name, value in asdict(row).items()
            if isinstance(value, (int, float))
        }
        for logger in trainer.loggers:
            logger.log_metrics(metrics, row.step)
