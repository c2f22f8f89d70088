"""Small trainings, and what they leave."""

from pathlib import Path

import pytest
import torch

from alexcli.records.training import TrainResult
from alexcli.reporter import NullReporter
from alexcli.run import checkpoint
from alexcli.run.train import train
from alexcli.schema import TrainSpec


class Notes(NullReporter):
    """Keeps notes and warnings."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.warnings: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)

    def warn(self, text: str) -> None:
        self.warnings.append(text)


def train_small(spec: TrainSpec, resume: str = "auto") -> tuple[TrainResult, Notes]:
    reporter = Notes()
    return train(spec, reporter, resume=resume), reporter


def last_weights(directory: str | Path) -> dict[str, torch.Tensor]:
    weights: dict[str, torch.Tensor] = checkpoint.read(Path(directory) / "last.ckpt")["state_dict"]
    return weights


def equal_weights(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def stop_after_epoch(monkeypatch: pytest.MonkeyPatch, epoch: int) -> None:
    """Make the next run die, as by a kill, right after an epoch was recorded."""
    from alexcli.lit.checkpointing import EpochRecorder

    recorded = EpochRecorder.on_train_epoch_end

    def die(self: EpochRecorder, trainer: object, pl_module: object) -> None:
        recorded(self, trainer, pl_module)  # type: ignore[arg-type]
        if pl_module.rows[0].epoch == epoch:  # type: ignore[attr-defined]
            monkeypatch.setattr(EpochRecorder, "on_train_epoch_end", recorded)
            raise RuntimeError("killed")

    monkeypatch.setattr(EpochRecorder, "on_train_epoch_end", die)
