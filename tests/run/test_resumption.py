"""Resuming where the newest checkpoint is damaged."""

import tempfile
from pathlib import Path

import pytest
import torch

from alexcli.checksum import checksummed
from alexcli.errors import UsageError
from alexcli.run import checkpoint
from alexcli.run.directory import RunDirectory
from tests.conftest import small
from tests.run.trainings import equal_weights, last_weights, stop_after_epoch, train_small


def flip(path: Path) -> None:
    """Flip a bit in the middle of a file."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def stopped_run(monkeypatch: pytest.MonkeyPatch) -> RunDirectory:
    """A run of three epochs that was killed after the second."""
    stop_after_epoch(monkeypatch, 2)
    with pytest.raises(RuntimeError, match="killed"):
        train_small(small("optim.epochs=3"))
    (path,) = Path("runs/quickstart").glob("s*")
    return RunDirectory(path)


def test_a_damaged_last_falls_back_to_the_one_before_says_so_and_ends_alike(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    whole, _ = train_small(small("optim.epochs=3", "runs=whole"))
    temporary_files = tmp_path / "tmp"
    temporary_files.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary_files))
    run = stopped_run(monkeypatch)
    damaged = run.last.read_bytes()
    flip(run.last)
    resumed, reporter = train_small(small("optim.epochs=3"))
    assert "last.ckpt is damaged: its checksum" in reporter.warnings[0]
    assert f"resuming from {run.previous}, step 3" in reporter.notes
    assert equal_weights(last_weights(whole.directory), last_weights(resumed.directory))
    assert run.units.read_bytes() == (Path(whole.directory) / "units.jsonl").read_bytes()
    assert len((run.path / "damaged.ckpt").read_bytes()) == len(damaged)
    assert not run.previous.exists()  # a finished run needs it no more
    assert not list(temporary_files.iterdir())
    assert not list(run.path.glob("*.tmp"))


def test_a_run_without_a_whole_checkpoint_says_how_to_start_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = stopped_run(monkeypatch)
    for path in (run.last, run.previous, run.best):
        path.write_bytes(b"")
    before = sorted(path.name for path in run.path.iterdir())
    with pytest.raises(UsageError, match=r"last\.ckpt is truncated") as caught:
        train_small(small("optim.epochs=3"))
    assert "--resume never" in (caught.value.hint or "")
    assert sorted(path.name for path in run.path.iterdir()) == before


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("optimizer_states", [{"state": {}, "param_groups": []}]),
        ("loops", 7),
        ("callbacks", {"EpochRecorder": {"best": {"step": 1}}}),
    ],
)
def test_a_state_that_training_has_not_written_is_refused(
    monkeypatch: pytest.MonkeyPatch, part: str, value: object
) -> None:
    run = stopped_run(monkeypatch)
    content = checkpoint.read(run.last)
    content[part] = {**content[part], **value} if isinstance(value, dict) else value
    with checksummed(run.last) as file:
        torch.save(content, file)
    with pytest.raises(UsageError, match="does not hold the state of a training like this one"):
        train_small(small("optim.epochs=3"))
