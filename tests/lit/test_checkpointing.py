"""What each epoch leaves in the run directory, also when the disk is full."""

import io
import json
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from alexcli.errors import AlexcliError, RunFailedError, TerminatedRunError
from alexcli.lit import checkpointing
from alexcli.lit.checkpointing import EpochRecorder, save_checkpoint, save_last
from alexcli.lit.loggers.open import Loggers
from alexcli.records.training import EpochRow
from alexcli.reporter import NullReporter
from tests.lit.small_run import build

NO_LOGGERS = Loggers({}, NullReporter())


class SavingTrainer:
    """What the recorder asks of Lightning's trainer; a checkpoint is its number."""

    def __init__(self, *, full_after: int = 1000) -> None:
        self.is_global_zero = True
        self.full_after = full_after
        self.saved = 0

    def save_checkpoint(self, path: Path, weights_only: bool) -> None:
        assert not weights_only
        self.saved += 1
        if self.saved > self.full_after:
            path.write_text("half a checkpoint")
            raise OSError(28, "No space left on device")
        path.write_text(str(self.saved))


def row(epoch: int, split: str, top1_err: float) -> EpochRow:
    return EpochRow(
        step=3 * epoch,
        epoch=epoch,
        split=split,
        loss=1.0,
        top1_err=top1_err,
        top5_err=None,
        lr=0.01,
        images_per_s=9.0,
        time=1.0,
        peak_memory_bytes=123,
    )


def record(recorder: EpochRecorder, trainer: Any, *rows: EpochRow) -> None:
    """Let an epoch with these rows end."""
    module, _ = build()
    module.rows = list(rows)
    recorder.on_train_epoch_end(trainer, module)


def test_best_is_the_checkpoint_of_the_lowest_validation_error(tmp_path: Path) -> None:
    recorder = EpochRecorder(tmp_path, NullReporter(), NO_LOGGERS)
    trainer = SavingTrainer()
    record(recorder, trainer, row(1, "train", 0.1), row(1, "val", 0.5))  # saves 1 and 2
    record(recorder, trainer, row(2, "train", 0.1), row(2, "val", 0.4))  # saves 3 and 4
    record(recorder, trainer, row(3, "train", 0.0), row(3, "val", 0.4))  # saves 5
    assert (tmp_path / "best.ckpt").read_text() == "3"
    assert (tmp_path / "last.ckpt").read_text() == "5"
    assert recorder.best == row(2, "val", 0.4)
    lines = (tmp_path / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines[:2]] == [
        asdict(row(1, "train", 0.1)),
        asdict(row(1, "val", 0.5)),
    ]
    assert len(lines) == 6


def test_loggers_get_the_rows_of_metrics_jsonl(tmp_path: Path) -> None:
    given: list[Any] = []
    loggers: Any = SimpleNamespace(record=given.append)
    rows = [row(1, "train", 0.1), row(1, "val", 0.5)]
    record(EpochRecorder(tmp_path, NullReporter(), loggers), SavingTrainer(), *rows)
    lines = (tmp_path / "metrics.jsonl").read_text().splitlines()
    assert given == [json.loads(line) for line in lines]


def test_the_best_row_survives_a_checkpoint(tmp_path: Path) -> None:
    recorder = EpochRecorder(tmp_path, NullReporter(), NO_LOGGERS)
    recorder.best = row(2, "val", 0.4)
    restored = EpochRecorder(tmp_path, NullReporter(), NO_LOGGERS)
    restored.load_state_dict(json.loads(json.dumps(recorder.state_dict())))
    assert restored.best == recorder.best


def test_a_checkpoint_from_before_peak_memory_was_recorded_still_loads(tmp_path: Path) -> None:
    state = asdict(row(2, "val", 0.4))
    del state["peak_memory_bytes"]
    recorder = EpochRecorder(tmp_path, NullReporter(), NO_LOGGERS)
    recorder.load_state_dict({"best": state})
    assert recorder.best is not None
    assert recorder.best.top1_err == 0.4
    assert recorder.best.peak_memory_bytes is None


def test_a_full_disk_leaves_the_earlier_checkpoint_intact(tmp_path: Path) -> None:
    trainer: Any = SavingTrainer(full_after=1)
    path = tmp_path / "last.ckpt"
    save_checkpoint(trainer, path)
    with pytest.raises(RunFailedError, match="No space left on device") as caught:
        save_checkpoint(trainer, path)
    assert "the earlier last.ckpt is intact" in caught.value.message
    assert path.read_text() == "1"
    assert [file.name for file in tmp_path.iterdir()] == ["last.ckpt"]


class BrokenFile(io.BytesIO):
    """A file whose second large write fails."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error
        self.large_writes = 0

    def write(self, content: Any) -> int:
        self.large_writes += len(content) > 1000
        if self.large_writes == 2:
            raise self.error
        return super().write(content)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (TerminatedRunError("stopped immediately"), "^stopped immediately$"),
        (OSError(28, "No space left on device"), "No space left on device; the earlier last"),
    ],
)
def test_what_ends_the_writing_of_a_checkpoint_is_told_and_not_what_torch_says_of_its_file(
    tmp_path: Path, error: Exception, message: str
) -> None:
    path = tmp_path / "last.ckpt"
    path.write_text("earlier")

    def save(temporary: Path, **_: object) -> None:
        temporary.touch()
        torch.save({"a": torch.zeros(1000), "b": torch.zeros(1000)}, BrokenFile(error))

    trainer: Any = SimpleNamespace(save_checkpoint=save, is_global_zero=True)
    with pytest.raises(AlexcliError, match=message) as caught:
        save_checkpoint(trainer, path)
    assert caught.value.exit_code == (75 if isinstance(error, TerminatedRunError) else 1)
    assert path.read_text() == "earlier"
    assert [file.name for file in tmp_path.iterdir()] == ["last.ckpt"]


def test_only_the_main_process_renames(tmp_path: Path) -> None:
    trainer: Any = SavingTrainer()
    trainer.is_global_zero = False
    save_checkpoint(trainer, tmp_path / "last.ckpt")
    assert not (tmp_path / "last.ckpt").exists()


def test_the_checkpoint_before_the_last_is_kept(tmp_path: Path) -> None:
    trainer: Any = SavingTrainer()
    for _ in range(3):
        save_last(trainer, tmp_path)
    assert (tmp_path / "last.ckpt").read_text() == "3"
    assert (tmp_path / "previous.ckpt").read_text() == "2"
    assert len(list(tmp_path.iterdir())) == 2


def test_a_file_system_without_links_keeps_it_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    test_the_checkpoint_before_the_last_is_kept(tmp_path)


def test_rows_and_checkpoints_are_on_the_disk_before_the_next_file_gets_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    replace = Path.replace

    def record_rename(self: Path, target: Path) -> Path:
        calls.append(f"rename {target.name}")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", record_rename)
    monkeypatch.setattr(checkpointing, "sync", lambda path: calls.append(f"sync {path.name}"))
    monkeypatch.setattr(checkpointing, "sync_folder", lambda _: calls.append("sync folder"))
    record(EpochRecorder(tmp_path, NullReporter(), NO_LOGGERS), SavingTrainer(), row(1, "val", 0.5))
    assert calls == [
        "sync metrics.jsonl",
        *("sync best.tmp", "rename best.ckpt", "sync folder"),
        *("sync last.tmp", "rename last.ckpt", "sync folder"),
    ]
