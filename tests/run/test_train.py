"""Whole runs, small: what they leave on disk, skipping, resuming, failing."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
import yaml

from alexcli.config import to_mapping
from alexcli.errors import RunFailedError, UsageError
from alexcli.results import Silent, TrainResult
from alexcli.run import checkpoint
from alexcli.run.rundir import RunDirectory, newest
from alexcli.run.train import train
from alexcli.schema import TrainSpec
from tests.conftest import SMALL, small
from tests.data.test_sources import make_folders


class Heard(Silent):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.warnings: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)

    def warn(self, text: str) -> None:
        self.warnings.append(text)


def _train(spec: TrainSpec, resume: str = "auto") -> tuple[TrainResult, Heard]:
    heard = Heard()
    return train(spec, heard, resume=resume), heard


def _weights(directory: str | Path) -> dict[str, torch.Tensor]:
    weights: dict[str, torch.Tensor] = checkpoint.read(Path(directory) / "last.ckpt")["state_dict"]
    return weights


def _equal(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def test_a_run_directory_holds_what_repeating_it_needs() -> None:
    spec = small("trainer.train_eval=true")
    done, _ = _train(spec)
    run = RunDirectory(Path(done.directory))
    assert run.path.parent == Path("runs/quickstart")
    assert run.path.name.startswith("s0-")
    assert yaml.safe_load(run.config.read_text()) == to_mapping(spec)
    lines = [json.loads(line) for line in run.metrics.read_text().splitlines()]
    assert [(r["epoch"], r["split"]) for r in lines] == [
        (epoch, split) for epoch in (1, 2) for split in ("train", "val", "train_eval")
    ]
    assert set(lines[0]) == {
        *("step", "epoch", "split", "loss", "top1_err", "top5_err", "lr", "images_per_s", "time")
    }
    assert lines[-1]["step"] == 6
    times = [row["time"] for row in lines]
    assert times == sorted(times)
    environment = json.loads((run.path / "environment.json").read_text())
    assert torch.__version__.startswith(environment["packages"]["torch"])
    assert "epoch 2/2" in (run.path / "train.log").read_text()
    assert (run.path / "best.ckpt").exists()
    result = run.result()
    assert result == done.result
    assert result is not None
    assert result["last"]["val"] == lines[-2]
    assert newest(Path("runs")).path == run.path


def test_the_same_command_again_skips_a_finished_run() -> None:
    first, _ = _train(small())
    before = _weights(first.directory)
    second, _ = _train(small())
    assert second.skipped
    assert second.directory == first.directory
    assert _equal(before, _weights(first.directory))


def test_never_starts_over_and_keeps_the_old_run_aside() -> None:
    first, _ = _train(small())
    second, heard = _train(small(), resume="never")
    assert not second.skipped
    assert second.directory == first.directory
    assert Path(f"{first.directory}~1/result.json").exists()
    assert any("~1" in note for note in heard.notes)
    assert _equal(_weights(first.directory), _weights(f"{first.directory}~1"))
    assert newest(Path("runs")).path == Path(first.directory)


@pytest.mark.parametrize("words", ["optim.rate=0.02", "seed=1", "model.norm=none", "data.seed=1"])
def test_what_changes_the_result_changes_the_directory(words: str) -> None:
    base = ("optim.epochs=1",)
    assert _train(small(*base))[0].directory != _train(small(*base, words))[0].directory


def test_what_does_not_change_the_result_does_not(tmp_path: Path) -> None:
    a = make_folders(tmp_path / "a", {"train": 6, "val": 3})
    b = make_folders(tmp_path / "b", {"train": 6, "val": 3})
    words = ("data=folder", "data.size=36", "optim.epochs=1")
    first, _ = _train(small(*words, f"data.root={a}", "label=x", "data.workers=0"))
    second, _ = _train(small(*words, f"data.root={b}", "label=x", "data.workers=2"))
    assert second.skipped
    assert second.directory == first.directory


def _stop_after_epoch(monkeypatch: pytest.MonkeyPatch, epoch: int) -> None:
    """Make the next run die, as by a kill, right after an epoch was recorded."""
    from alexcli.lit.callbacks import Recorder

    recorded = Recorder.on_train_epoch_end

    def die(self: Recorder, trainer: object, pl_module: object) -> None:
        recorded(self, trainer, pl_module)  # type: ignore[arg-type]
        if pl_module.rows[0].epoch == epoch:  # type: ignore[attr-defined]
            monkeypatch.setattr(Recorder, "on_train_epoch_end", recorded)
            raise RuntimeError("killed")

    monkeypatch.setattr(Recorder, "on_train_epoch_end", die)


@pytest.mark.parametrize("epoch", [1, 2, 4])
def test_a_run_that_died_goes_on_to_the_same_weights(
    monkeypatch: pytest.MonkeyPatch, epoch: int
) -> None:
    words = ("optim.epochs=4", "optim=paper", "optim.plateau.patience=1", "optim.rate=0.003")
    whole, _ = _train(small(*words, "label=whole"))
    _stop_after_epoch(monkeypatch, epoch)
    with pytest.raises(RuntimeError, match="killed"):
        _train(small(*words, "label=halved"))
    halved, heard = _train(small(*words, "label=halved"))
    assert any("going on from" in note for note in heard.notes)
    assert _equal(_weights(whole.directory), _weights(halved.directory))
    kept = ("step", "epoch", "split", "loss", "top1_err", "top5_err", "lr")
    rows = [
        [
            {key: json.loads(line)[key] for key in kept}
            for line in (Path(d.directory) / "metrics.jsonl").read_text().splitlines()
        ]
        for d in (whole, halved)
    ]
    assert rows[0] == rows[1]
    assert whole.result["best"]["epoch"] == halved.result["best"]["epoch"]


def _command(*words: str) -> list[str]:
    return [sys.executable, "-m", "alexcli", "train", *SMALL, *words]


@pytest.mark.slow
@pytest.mark.parametrize("workers", [0, 2])
def test_sigkill_between_epochs_then_the_same_command_ends_with_the_same_weights(
    workers: int,
) -> None:
    words = ("optim.epochs=6", f"data.workers={workers}")
    child = subprocess.Popen(_command(*words, "label=killed"), stderr=subprocess.DEVNULL)
    metrics = Path("runs/killed")
    deadline = time.monotonic() + 120
    while not any(len(f.read_text().splitlines()) >= 4 for f in metrics.glob("*/metrics.jsonl")):
        assert time.monotonic() < deadline, "the run recorded nothing"
        assert child.poll() is None, "the run ended before it could be killed"
        time.sleep(0.02)
    child.send_signal(signal.SIGKILL)
    child.wait()
    killed = next(metrics.glob("s*"))
    assert not (killed / "result.json").exists()
    subprocess.run(_command(*words, "label=killed"), check=True, capture_output=True)
    subprocess.run(_command(*words, "label=whole"), check=True, capture_output=True)
    whole = next(Path("runs/whole").glob("s*"))
    assert _equal(_weights(killed), _weights(whole))


@pytest.mark.slow
def test_ctrl_c_saves_within_the_epoch_and_the_same_command_goes_on() -> None:
    words = ("optim.epochs=2", "optim.batch_size=10", "data.train_count=1500", "optim.rate=0.001")
    words += ("data.workers=2",)
    child = subprocess.Popen(
        _command(*words, "label=stopped"),
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + 120
    log = Path("runs/stopped")
    while not any("pictures of 10 classes" in f.read_text() for f in log.glob("*/train.log")):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    time.sleep(1.5)
    os.killpg(child.pid, signal.SIGINT)  # as a terminal does, loader processes too
    _, err = child.communicate(timeout=60)
    assert child.returncode == 130, err
    assert err.count("stopping after this step") == 1
    assert "stopped after step" in err
    assert "hint: repeat the same command" in err
    assert "Traceback" not in err
    again = subprocess.run(_command(*words, "label=stopped"), capture_output=True, text=True)
    assert again.returncode == 0, again.stderr
    assert "going on from" in again.stderr
    subprocess.run(_command(*words, "label=whole"), check=True, capture_output=True)
    stopped, whole = (next(Path(f"runs/{n}").glob("s*")) for n in ("stopped", "whole"))
    assert _equal(_weights(stopped), _weights(whole))
    losses = [
        [json.loads(line)["loss"] for line in (d / "metrics.jsonl").read_text().splitlines()]
        for d in (stopped, whole)
    ]
    assert losses[0] == pytest.approx(losses[1], rel=1e-12)


TERMINATED = """
import os, signal
from alexcli.lit.module import Module
from alexcli.results import Silent
from alexcli.run.train import train
from tests.conftest import small

validate = Module.validation_step

def terminated(self, *words):
    os.kill(os.getpid(), signal.SIGTERM)
    validate(self, *words)
    Module.validation_step = validate

Module.validation_step = terminated
train(small("label=terminated", "eval.batch_size=20"), Silent())
"""


def test_sigterm_in_a_validation_ends_the_epoch_and_says_so() -> None:
    root = str(Path(__file__).parents[2])
    path = os.pathsep.join([root, os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-c", TERMINATED],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": path},
    )
    assert done.returncode == 1  # no command line is there to make 130 of it
    assert "InterruptedRunError: stopped after step 3; saved in runs/terminated" in done.stderr
    (run,) = Path("runs/terminated").glob("s*")
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert [(row["epoch"], row["split"]) for row in rows] == [(1, "train"), (1, "val")]


def test_a_loss_that_is_not_finite_stops_the_run_naming_step_and_quantity() -> None:
    with pytest.raises(RunFailedError, match=r"loss is (nan|inf) at step \d+") as caught:
        _train(small("optim.rate=1e6"))
    assert "optim.rate=" in (caught.value.hint or "")


def test_a_loss_stuck_at_guessing_is_warned_about(monkeypatch: pytest.MonkeyPatch) -> None:
    from alexcli.lit import callbacks

    monkeypatch.setattr(callbacks, "REPORT_EVERY", 0.0)
    monkeypatch.setattr(callbacks.Progress, "STUCK_AFTER", 4)
    words = ("optim.rate=1e-9", "model.trunk.fc8.std=0")
    _, heard = _train(small(*words))
    assert len(heard.warnings) == 1
    assert "guessing among 10 classes" in heard.warnings[0]
    assert "optim.rate" in heard.warnings[0]


@pytest.mark.parametrize(("center", "warned"), [(2.3026, 1), (2.25, 0), (5.3, 0)])
def test_noise_around_guessing_does_not_hide_it_and_learning_is_not_blamed(
    center: float, warned: int
) -> None:
    from alexcli.lit.callbacks import Progress

    heard = Heard()
    progress = Progress(heard)
    generator = torch.Generator().manual_seed(0)
    for step in range(1, 2000):  # one report a step, as with slow steps
        noise = 0.05 * torch.randn((), generator=generator).item()
        progress._watch(center + noise, 1, step, 10)
    assert len(heard.warnings) == warned


def test_a_full_disk_ends_the_run_and_leaves_the_last_checkpoint_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import lightning as L

    save = L.Trainer.save_checkpoint
    calls: list[int] = []

    def fill(self: L.Trainer, path: Path, **keys: object) -> None:
        calls.append(1)
        if len(calls) > 2:  # best and last of the first epoch are saved
            Path(path).write_bytes(b"half a checkpoint")
            raise OSError(28, "No space left on device")
        save(self, path, **keys)  # type: ignore[arg-type]

    monkeypatch.setattr(L.Trainer, "save_checkpoint", fill)
    with pytest.raises(RunFailedError, match="No space left on device"):
        _train(small())
    run = next(Path("runs/quickstart").glob("s*"))
    assert checkpoint.read(run / "last.ckpt")["global_step"] == 3
    assert not list(run.glob("*.tmp"))
    assert not (run / "result.json").exists()


@pytest.mark.parametrize("kind", ["file", "parent"])
def test_a_place_that_cannot_be_written_is_refused(tmp_path: Path, kind: str) -> None:
    blocked = tmp_path / "blocked"
    blocked.touch()
    where = blocked if kind == "file" else blocked / "runs"
    with pytest.raises(UsageError, match="cannot be"):
        _train(small(f"runs={where}"))


def test_a_broken_picture_in_a_loader_process_is_named_without_a_traceback(tmp_path: Path) -> None:
    root = make_folders(tmp_path / "d", {"train": 6, "val": 3})
    (root / "val/b/1.png").write_bytes(b"nothing")
    words = ("data=folder", "data.size=36", f"data.root={root}", "data.workers=1", "label=x")
    with pytest.raises(UsageError, match=r"val/b/1\.png cannot be decoded") as caught:
        _train(small(*words))
    assert "Traceback" not in caught.value.message


def test_classes_come_from_the_data_and_a_contradiction_is_refused(tmp_path: Path) -> None:
    root = make_folders(tmp_path / "d", {"train": 6, "val": 3})
    words = ("data=folder", "data.size=36", f"data.root={root}", "data.workers=0", "label=x")
    done, _ = _train(small(*words, "optim.epochs=1"))
    assert done.result["classes"] == 3
    assert done.result["last"]["val"]["top5_err"] is None
    with pytest.raises(UsageError, match=r"model\.classes=7, but the data has 3"):
        train(small(*words, "model.classes=7"), Silent(), overrides=["model.classes=7"])


def test_weights_can_start_from_another_run() -> None:
    first, _ = _train(small("optim.epochs=1"))
    words = ("optim.epochs=1", "optim.rate=1e-12", f"init_from={first.directory}", "label=second")
    second, _ = _train(small(*words))
    before, after = _weights(first.directory), _weights(second.directory)
    assert all(torch.allclose(before[n], after[n], atol=1e-6) for n in before)
    with pytest.raises(UsageError, match="no layer can be copied from"):
        _train(small(*words, "model.width=0.5"))


def test_rates_follow_the_schedule_and_freezing_freezes() -> None:
    words = (
        "optim.epochs=3",
        "optim.groups.weights.rate={kind: steps, steps: {2: 0.1, 3: 0}}",
        "optim.groups.biases.rate={kind: steps, steps: {3: 0}}",
    )
    done, _ = _train(small(*words))
    rows = [
        json.loads(line)
        for line in (Path(done.directory) / "metrics.jsonl").read_text().splitlines()
    ]
    rates = [row["lr"] for row in rows if row["split"] == "train"]
    assert rates == pytest.approx([0.01, 0.001, 0])
    vals = [row["loss"] for row in rows if row["split"] == "val"]
    assert vals[1] == vals[2] != vals[0]


def test_the_plateau_rule_ends_the_run() -> None:
    words = ("optim=paper", "optim.epochs=50", "optim.plateau.patience=1", "optim.plateau.times=2")
    done, _ = _train(small(*words, "optim.rate=1e-9"))
    # No epoch after the first is better: two divisions, then the end.
    assert done.result["epochs"] == 4


def test_a_run_killed_after_the_plateau_rule_ended_it_does_not_go_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    words = ("optim=paper", "optim.epochs=50", "optim.plateau.patience=1", "optim.plateau.times=1")
    _stop_after_epoch(monkeypatch, 3)
    with pytest.raises(RuntimeError, match="killed"):
        _train(small(*words, "optim.rate=1e-9"))
    assert _train(small(*words, "optim.rate=1e-9"))[0].result["epochs"] == 3


def test_a_run_ends_when_the_wanted_training_error_is_reached() -> None:
    words = ("trainer.train_eval=true", "trainer.stop_at_train_error=1", "optim.epochs=5")
    assert _train(small(*words))[0].result["epochs"] == 1


def test_wandb_offline_writes_config_and_history() -> None:
    done, heard = _train(small("logger=wandb", "logger.offline=true"))
    files = list(Path(done.directory).glob("wandb/offline-run-*/run-*.wandb"))
    assert len(files) == 1
    content = files[0].read_bytes()  # records of protocol buffers, whose strings are plain
    for key in (b"weight_decay", b"val/top1_err", b"train/loss"):
        assert key in content, key
    assert any("wandb sync" in note for note in heard.notes)


def test_going_on_from_another_runs_checkpoint_is_refused_with_init_from() -> None:
    first, _ = _train(small("optim.epochs=1"))
    with pytest.raises(UsageError) as caught:
        _train(small("optim.epochs=2"), resume=first.directory)
    assert "init_from=" in (caught.value.hint or "")


def test_going_on_from_ones_own_best_checkpoint_ends_with_the_same_weights() -> None:
    done, _ = _train(small())
    before = _weights(done.directory)
    again, heard = _train(small(), resume=f"{done.directory}/best.ckpt")
    assert not again.skipped
    assert any("going on from" in note for note in heard.notes)
    assert _equal(before, _weights(again.directory))


@pytest.mark.parametrize("name", ["metrics.jsonl", "result.tmp"])
def test_a_full_disk_while_writing_records_fails_the_run_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    opened = Path.open

    def full(self: Path, mode: str = "r", *args: object, **keys: object) -> object:
        if self.name == name and mode in ("a", "w"):
            raise OSError(28, "No space left on device", str(self))
        return opened(self, mode, *args, **keys)  # type: ignore[arg-type]

    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(RunFailedError, match="No space left on device"):
        _train(small())


def test_a_batch_norm_run_can_be_started_from() -> None:
    words = ("model.norm=batch", "optim.epochs=1")
    first, _ = _train(small(*words))
    second, _ = _train(small(*words, f"init_from={first.directory}", "label=second"))
    assert not second.skipped


@pytest.mark.parametrize("label", ["a/b", "../x", "a~1", ".hidden"])
def test_a_label_that_is_no_plain_folder_name_is_refused(label: str) -> None:
    with pytest.raises(UsageError, match="label="):
        _train(small(f"label={label}"))


def test_random_slopes_are_repeated_after_a_kill(monkeypatch: pytest.MonkeyPatch) -> None:
    words = ("model.activation=rrelu", "optim.epochs=2")
    whole, _ = _train(small(*words, "label=whole"))
    _stop_after_epoch(monkeypatch, 1)
    with pytest.raises(RuntimeError, match="killed"):
        _train(small(*words, "label=halved"))
    torch.manual_seed(99)
    halved, _ = _train(small(*words, "label=halved"))
    assert _equal(_weights(whole.directory), _weights(halved.directory))


def test_two_processes_cannot_train_the_same_run() -> None:
    done, _ = _train(small())
    run = RunDirectory(Path(done.directory))
    run.result_file.unlink()
    with run.locked(), pytest.raises(UsageError, match="another process"):
        _train(small())
