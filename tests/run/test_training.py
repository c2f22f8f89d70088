"""Training to the end of a run: schedules, what ends it, what stops it."""

import csv
import json
from pathlib import Path

import pytest
import torch

from alexcli.errors import RunFailedError
from alexcli.run import checkpoint
from alexcli.run.directory import RunDirectory
from tests.conftest import small
from tests.run.trainings import equal_weights, last_weights, stop_after_epoch, train_small


def test_a_loss_that_is_not_finite_stops_the_run_naming_step_and_quantity() -> None:
    with pytest.raises(RunFailedError, match=r"loss is (nan|inf) at step \d+") as caught:
        train_small(small("optim.lr=1e6"))
    assert "optim.lr=" in (caught.value.hint or "")


def test_a_loss_stuck_at_guessing_is_warned_about(monkeypatch: pytest.MonkeyPatch) -> None:
    from alexcli.lit import progress

    monkeypatch.setattr(progress, "REPORT_EVERY", 0.0)
    monkeypatch.setattr(progress.StuckLoss, "PATIENCE", 4)
    overrides = ("optim.lr=1e-9", "model.layers.fc8.std=0")
    _, reporter = train_small(small(*overrides))
    assert len(reporter.warnings) == 1
    assert "guessing among 10 classes" in reporter.warnings[0]
    assert "optim.lr" in reporter.warnings[0]


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
        train_small(small())
    run = next(Path("runs/quickstart").glob("s*"))
    assert checkpoint.read(run / "last.ckpt")["global_step"] == 3
    assert not list(run.glob("*.tmp"))
    assert not (run / "result.json").exists()


def test_learning_rates_follow_the_schedule_and_freezing_freezes() -> None:
    overrides = (
        "optim.epochs=3",
        "optim.groups.weights.lr={kind: steps, per: epoch, steps: {2: 0.1, 3: 0}}",
        "optim.groups.biases.lr={kind: steps, per: epoch, steps: {3: 0}}",
    )
    trained, _ = train_small(small(*overrides))
    rows = [
        json.loads(line)
        for line in (Path(trained.directory) / "metrics.jsonl").read_text().splitlines()
    ]
    learning_rates = [row["lr"] for row in rows if row["split"] == "train"]
    assert learning_rates == pytest.approx([0.005, 0.0005, 0])
    vals = [row["loss"] for row in rows if row["split"] == "val"]
    assert vals[1] == vals[2] != vals[0]


def test_the_plateau_rule_ends_the_run() -> None:
    overrides = (
        "optim=paper",
        "optim.epochs=50",
        "optim.plateau.patience=1",
        "optim.plateau.times=2",
    )
    trained, _ = train_small(small(*overrides, "optim.lr=1e-9"))
    # No epoch after the first is better: two divisions, then the end.
    assert trained.result["epochs"] == 4


def test_a_run_killed_after_the_plateau_rule_ended_it_does_not_resume(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    overrides = (
        "optim=paper",
        "optim.epochs=50",
        "optim.plateau.patience=1",
        "optim.plateau.times=1",
    )
    stop_after_epoch(monkeypatch, 3)
    with pytest.raises(RuntimeError, match="killed"):
        train_small(small(*overrides, "optim.lr=1e-9"))
    assert train_small(small(*overrides, "optim.lr=1e-9"))[0].result["epochs"] == 3


def test_a_run_ends_when_the_wanted_training_error_is_reached() -> None:
    overrides = ("trainer.train_eval=true", "trainer.stop_at_train_error=1", "optim.epochs=5")
    assert train_small(small(*overrides))[0].result["epochs"] == 1


def test_wandb_offline_writes_config_and_history() -> None:
    trained, reporter = train_small(small("logger=wandb", "logger.offline=true"))
    files = list(Path(trained.directory).glob("wandb/offline-run-*/run-*.wandb"))
    assert len(files) == 1
    content = files[0].read_bytes()  # records of protocol buffers, whose strings are plain
    for key in (b"weight_decay", b"val/top1_err", b"train/loss"):
        assert key in content, key
    assert any("wandb sync" in note for note in reporter.notes)


def test_loggers_of_a_killed_run_have_the_series_of_an_uninterrupted_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loggers = "logger=[csv,tensorboard]"
    whole, _ = train_small(small(loggers, "label=whole"))
    stop_after_epoch(monkeypatch, 1)
    with pytest.raises(RuntimeError, match="killed"):
        train_small(small("label=killed"))
    killed, _ = train_small(small(loggers, "label=killed"))  # of the first epoch they know nothing
    assert _csv_errors(killed.directory) == _csv_errors(whole.directory)
    assert _scalar_errors(killed.directory) == _scalar_errors(whole.directory)
    assert len(_csv_errors(whole.directory)) == 4


def _csv_errors(directory: str) -> list[tuple[str, ...]]:
    """Step, split, loss and error of each line of metrics.csv."""
    with (Path(directory) / "metrics.csv").open(newline="") as file:
        names = ("step", "split", "loss", "top1_err")
        return [tuple(row[name] for name in names) for row in csv.DictReader(file)]


def _scalar_errors(directory: str) -> list[tuple[int, float]]:
    """Step and value of the validation loss in TensorBoard."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(f"{directory}/tensorboard")
    events.Reload()
    return [(event.step, event.value) for event in events.Scalars("val/loss")]


def test_random_slopes_are_repeated_after_a_kill(monkeypatch: pytest.MonkeyPatch) -> None:
    overrides = ("model.activation=rrelu", "optim.epochs=2")
    whole, _ = train_small(small(*overrides, "label=whole"))
    stop_after_epoch(monkeypatch, 1)
    with pytest.raises(RuntimeError, match="killed"):
        train_small(small(*overrides, "label=halved"))
    torch.manual_seed(99)
    halved, _ = train_small(small(*overrides, "label=halved"))
    assert equal_weights(last_weights(whole.directory), last_weights(halved.directory))


@pytest.mark.parametrize("name", ["metrics.jsonl", "result.json"])
def test_a_full_disk_while_writing_records_fails_the_run_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    opened = Path.open

    def full(self: Path, mode: str = "r", *args: object, **keys: object) -> object:
        if self.name.startswith(name) and mode in ("a", "w"):
            raise OSError(28, "No space left on device", str(self))
        return opened(self, mode, *args, **keys)  # type: ignore[arg-type]

    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(RunFailedError, match="No space left on device"):
        train_small(small())


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"\xff\xfe",
        b"[1]\n{}\n3\n",
        b'{"step": 6, "epoch": 2, "split": "val", "top1_err": 7}\n',
    ],
    ids=["empty", "bytes", "other json", "an impossible error"],
)
def test_a_run_that_lost_its_metrics_is_finished_all_the_same(damage: bytes) -> None:
    trained, _ = train_small(small())
    run = RunDirectory(Path(trained.directory))
    expected = trained.result["last"]["val"]
    run.result_file.unlink()
    run.metrics.write_bytes(damage)
    again, _ = train_small(small())
    restored = again.result["last"]["val"]
    for key in ("epoch", "step", "top1_err", "top5_err", "lr"):
        assert restored[key] == expected[key]
    assert restored["loss"] == pytest.approx(expected["loss"], rel=1e-6)
    assert run.rows() == [restored]
    assert again.result["best"] == trained.result["best"], "the checkpoint knows it"


def test_half_a_line_at_the_end_is_left_out() -> None:
    trained, _ = train_small(small())
    run = RunDirectory(Path(trained.directory))
    whole = run.metrics.read_bytes()
    run.result_file.unlink()
    run.metrics.write_bytes(whole[:-20])
    again, _ = train_small(small())
    assert again.result["last"]["val"]["top1_err"] == trained.result["last"]["val"]["top1_err"]
    assert [row["split"] for row in run.rows()] == ["train", "val", "train", "val"]
