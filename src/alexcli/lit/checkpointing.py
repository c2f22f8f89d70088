"""Recording each epoch in the run directory: its rows in metrics.jsonl, and checkpoints."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import lightning as L

from alexcli import run_files
from alexcli.errors import InterruptedRunError, RunFailedError
from alexcli.files import sync, sync_folder
from alexcli.lit.loggers.open import Loggers
from alexcli.lit.module import AlexNetModule
from alexcli.records.training import EpochRow
from alexcli.reporter import Reporter


class EpochRecorder(L.Callback):
    """Writes metrics.jsonl and the checkpoints `last` and `best` after each epoch.

    Args:
        directory: the run directory.
        reporter: receives the rows of each epoch.
        loggers: receive the same rows.
    """

    best: EpochRow | None
    """The validation row with the lowest top-1 error so far; in a tie, the earliest."""
    has_begun: bool
    """Whether training has begun, so that any checkpoint's state was restored."""

    def __init__(self, directory: Path, reporter: Reporter, loggers: Loggers) -> None:
        self.directory = directory
        self.reporter = reporter
        self.loggers = loggers
        self.best = None
        self.has_begun = False

    def state_dict(self) -> dict[str, Any]:
        """The best validation row so far, for the checkpoint."""
        return {"best": asdict(self.best) if self.best else None}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the result of `state_dict`; an older row may lack newer fields."""
        best = state_dict["best"]
        self.best = EpochRow(**best) if best else None

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Note that everything is restored."""
        self.has_begun = True

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Record the epoch, then save it."""
        assert isinstance(pl_module, AlexNetModule)
        rows = pl_module.rows
        if trainer.is_global_zero:
            self._append(rows)
        val = next((row for row in rows if row.split == "val"), None)
        if val is not None and (self.best is None or val.top1_err < self.best.top1_err):
            self.best = val
            save_checkpoint(trainer, self.directory / run_files.BEST)
        save_last(trainer, self.directory)
        self.reporter.epoch(rows, pl_module.spec.optim.epochs)

    def _append(self, rows: list[EpochRow]) -> None:
        """Add the rows to metrics.jsonl and loggers, before the checkpoint is saved."""
        path = self.directory / run_files.METRICS
        with path.open("a", encoding="utf-8") as file:
            file.writelines(json.dumps(asdict(row)) + "\n" for row in rows)
        sync(path)
        for row in rows:
            self.loggers.record(asdict(row))


def save_last(trainer: L.Trainer, directory: Path) -> None:
    """Save the checkpoint `last`, and keep the previous one; every process of a run calls this.

    Args:
        trainer: what is saved.
        directory: the run directory.

    Raises:
        RunFailedError: the disk is full or not writable.
    """
    previous = directory / run_files.PREVIOUS
    save_checkpoint(trainer, directory / run_files.LAST, keep=previous)


def save_checkpoint(trainer: L.Trainer, path: Path, *, keep: Path | None = None) -> None:
    """Save a checkpoint under a temporary name and rename it; every process of a run calls this.

    A killed run, a full disk or a power failure thus leaves the earlier checkpoint intact.

    Args:
        trainer: what is saved.
        path: the checkpoint, such as RUN/last.ckpt.
        keep: new name of the earlier checkpoint; None to drop it.

    Raises:
        RunFailedError: the disk is full or not writable.
        InterruptedRunError: a second signal, which stops immediately.
    """
    temporary = path.with_suffix(".tmp")
    try:
        trainer.save_checkpoint(temporary, weights_only=False)
        if trainer.is_global_zero:
            sync(temporary)
            if keep is not None and path.exists():
                _rename_earlier(path, keep)
            temporary.replace(path)
            sync_folder(path.parent)
    except (OSError, RuntimeError) as raised:
        temporary.unlink(missing_ok=True)
        error = _cause(raised)
        if isinstance(error, InterruptedRunError):
            raise error from None
        earlier = f"; the earlier {path.name} is intact" if path.exists() else ""
        raise RunFailedError(
            f"{path} could not be saved: {error}{earlier}",
            hint="free some disk space, then repeat the same command: it resumes",
        ) from error


def _cause(raised: BaseException) -> BaseException:
    """The original cause of a failed save: torch raises another error about the partial file."""
    error: BaseException | None = raised
    while error is not None and not isinstance(error, OSError | InterruptedRunError):
        error = error.__context__
    return error or raised


def _rename_earlier(path: Path, name: Path) -> None:
    """Link a file to a second name, before its own name is given to a new file.

    On a file system without hard links it is renamed, so that its own name is missing meanwhile.
    """
    name.unlink(missing_ok=True)
    try:
        name.hardlink_to(path)
    except OSError:
        path.replace(name)
