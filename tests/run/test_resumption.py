"""Resuming where the newest checkpoint is damaged."""

import tempfile
from pathlib import Path

import pytest
import torch

from alexcli.checksum import checksummed
from alexcli.errors import UsageError
from alexcli.lit.checkpointing import EpochRecorder
from alexcli.run import checkpoint
from alexcli.run.directory import RunDirectory
from alexcli.run.resumption import copy_beginning
from alexcli.run.train import train
from tests.conftest import small
from tests.run.trainings import Notes, equal_weights, last_weights, stop_after_epoch, train_small


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


def _die_before_saving(monkeypatch: pytest.MonkeyPatch, run: RunDirectory, name: str) -> Notes:
    """Resume from a checkpoint of a run, and die, as by a kill, before anything is saved."""

    def die(*_: object) -> None:
        raise RuntimeError("killed")

    reporter = Notes()
    with monkeypatch.context() as patch:
        patch.setattr(EpochRecorder, "on_train_epoch_end", die)
        with pytest.raises(RuntimeError, match="killed"):
            train(small("optim.epochs=3"), reporter, resume=str(run.path / name))
    return reporter


def test_a_run_resumed_before_its_last_and_killed_has_no_hole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = stopped_run(monkeypatch)
    assert [row["epoch"] for row in run.unit_rows()] == [1, 2]
    reporter = _die_before_saving(monkeypatch, run, "previous.ckpt")
    kept = RunDirectory(Path(f"{run.path}~1"))
    assert f"the old run is kept as {kept.path}" in reporter.notes
    assert [row["epoch"] for row in kept.unit_rows()] == [1, 2]
    train_small(small("optim.epochs=3"))
    assert [row["epoch"] for row in run.rows()] == [1, 1, 2, 2, 3, 3]
    assert [row["epoch"] for row in run.unit_rows()] == [1, 2, 3]


def test_a_finished_run_resumed_before_its_last_is_finished_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = stopped_run(monkeypatch)
    early = run.path / "early.ckpt"
    early.write_bytes(run.last.read_bytes())
    whole, _ = train_small(small("optim.epochs=3"))
    weights = last_weights(run.path)
    _die_before_saving(monkeypatch, run, "early.ckpt")
    assert run.result() is None
    assert checkpoint.read(run.last)["global_step"] == 6
    kept = RunDirectory(Path(f"{run.path}~1"))
    assert kept.result() == whole.result
    assert equal_weights(last_weights(kept.path), weights)
    again, _ = train_small(small("optim.epochs=3"))
    assert not again.skipped
    assert equal_weights(last_weights(run.path), weights)
    assert not train_small(small("optim.epochs=3"), resume=str(run.last))[0].skipped
    assert not Path(f"{run.path}~2").exists(), "there is nothing to keep beside the last checkpoint"


@pytest.mark.parametrize(
    ("name", "has_best"), [("previous.ckpt", False), ("best.ckpt", True), ("last.ckpt", True)]
)
def test_a_best_checkpoint_of_a_later_step_is_not_copied(
    tmp_path: Path, name: str, has_best: bool
) -> None:
    old, new = (RunDirectory(tmp_path / folder) for folder in ("old", "new"))
    facts = {"classes": [], "plateau": {}, "finished": False, "seconds": 1.0, "train_errors": []}
    for run in (old, new):
        run.path.mkdir()
    for path, step in ((old.previous, 3), (old.best, 6), (old.last, 6)):
        torch.save({"state_dict": {}, "global_step": step, "alexcli": facts}, path)
    copy_beginning(old.path / name, new)
    assert new.last.read_bytes() == (old.path / name).read_bytes()
    assert new.best.exists() == has_best
