"""Whole runs, small: what they leave on disk, skipping, resuming, failing."""

import contextlib
import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import yaml

from alexcli.config.compose import compose
from alexcli.config.files import CONF_VARIABLE
from alexcli.config.mapping import to_mapping
from alexcli.errors import InterruptedRunError, UsageError
from alexcli.records.training import TrainResult
from alexcli.reporter import NullReporter
from alexcli.run.directory import RunDirectory
from alexcli.run.find import newest
from alexcli.run.train import train
from alexcli.schema import TrainSpec
from tests.conftest import SMALL, small
from tests.data.class_folders import make_class_folders
from tests.run.trainings import equal_weights, last_weights, stop_after_epoch, train_small

PLATEAU = ("optim=paper", "optim.epochs=50", "optim.plateau.patience=1")


def test_a_run_directory_holds_what_repeating_it_needs() -> None:
    spec = small("trainer.train_eval=true")
    trained, _ = train_small(spec)
    run = RunDirectory(Path(trained.directory))
    assert run.path.parent == Path("runs/quickstart")
    assert run.path.name.startswith("s0-")
    assert yaml.safe_load(run.config.read_text()) == to_mapping(spec)
    lines = [json.loads(line) for line in run.metrics.read_text().splitlines()]
    assert [(r["epoch"], r["split"]) for r in lines] == [
        (epoch, split) for epoch in (1, 2) for split in ("train", "val", "train_eval")
    ]
    assert set(lines[0]) == {
        *("step", "epoch", "split", "loss", "top1_err", "top5_err", "lr", "images_per_s", "time"),
        "peak_memory_bytes",
    }
    assert lines[-1]["step"] == 6
    times = [row["time"] for row in lines]
    assert times == sorted(times)
    environment = json.loads((run.path / "environment.json").read_text())
    assert torch.__version__.startswith(environment["packages"]["torch"])
    log = (run.path / "train.log").read_text()
    assert "epoch 2/2" in log
    assert "GPU available" not in log  # Lightning's words, advertisements among them
    assert "Tip" not in log
    assert (run.path / "best.ckpt").exists()
    result = run.result()
    assert result == trained.result
    assert result is not None
    assert result["last"]["val"] == lines[-2]
    assert newest(Path("runs")).path == run.path


def test_a_run_keeps_the_yaml_files_of_the_user_and_repeats_without_their_folder(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = Path("conf/model/mine.yaml")
    path.parent.mkdir(parents=True)
    path.write_text("# Mine\ndefaults: [tiny, _self_]\nname: mine\n")
    words = ["experiment=quickstart", "model=mine", *SMALL, "optim.epochs=1"]
    trained = train(compose(words, TrainSpec), NullReporter(), overrides=words)
    kept = RunDirectory(Path(trained.directory)).kept_conf
    assert [file.relative_to(kept) for file in kept.rglob("*.yaml")] == [Path("model/mine.yaml")]
    assert trained.result["command"].startswith(f"alexcli train --conf {kept} experiment=")
    path.unlink()
    monkeypatch.setenv(CONF_VARIABLE, str(kept.absolute()))
    again = train(compose(words, TrainSpec), NullReporter(), overrides=words)
    assert again.skipped
    assert again.directory == trained.directory


def test_an_arm_keeps_the_yaml_file_of_the_users_study() -> None:
    path = Path("conf/ablation/wider.yaml")
    path.parent.mkdir(parents=True)
    path.write_text("# Wider\nclaim: none\narms:\n  wide: {change: {model.width: x2}}\n")
    words = ["experiment=quickstart", *SMALL, "optim.epochs=1"]
    trained = train(compose(words, TrainSpec), NullReporter(), overrides=words, arm="wider/wide")
    kept = RunDirectory(Path(trained.directory)).kept_conf / "ablation/wider.yaml"
    assert kept.read_bytes() == path.read_bytes()
    assert trained.result["command"].startswith("alexcli train experiment=")


def test_the_same_command_again_skips_a_finished_run() -> None:
    first, _ = train_small(small())
    before = last_weights(first.directory)
    second, _ = train_small(small())
    assert second.skipped
    assert second.directory == first.directory
    assert equal_weights(before, last_weights(first.directory))


def test_a_skipped_run_names_what_it_has_not_recorded() -> None:
    first, _ = train_small(small())
    assert first.without_effect == []
    asked = small("trainer.train_eval=true", "data.test_count=30", "trainer.threads=1")
    second, _ = train_small(asked)
    assert second.skipped
    assert second.without_effect == ["data.test_count=30", "trainer.train_eval=true"]


def test_never_starts_over_and_keeps_the_old_run_aside() -> None:
    first, _ = train_small(small())
    second, reporter = train_small(small(), resume="never")
    assert not second.skipped
    assert second.directory == first.directory
    assert Path(f"{first.directory}~1/result.json").exists()
    assert any("~1" in note for note in reporter.notes)
    assert equal_weights(last_weights(first.directory), last_weights(f"{first.directory}~1"))
    assert newest(Path("runs")).path == Path(first.directory)


def test_the_hint_of_a_stopped_run_that_started_over_names_no_loop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def stop(*_: object, **__: object) -> None:
        raise InterruptedRunError("stopped", hint="repeat the same command")

    finished, _ = train_small(small("seed=3"))
    last = str(RunDirectory(Path(finished.directory)).last)
    monkeypatch.setattr("alexcli.run.training.run_training", stop)
    for overrides, resume in [((), "auto"), (("seed=3",), last)]:
        with pytest.raises(InterruptedRunError) as stopped:
            train(small(*overrides), NullReporter(), resume=resume)
        assert stopped.value.hint == "repeat the same command"
    with pytest.raises(InterruptedRunError) as stopped:
        train(small(), NullReporter(), resume="never")
    assert "without --resume" in (stopped.value.hint or "")


@pytest.mark.parametrize("overrides", ["optim.lr=0.02", "seed=1", "model.norm=none", "data.seed=1"])
def test_what_changes_the_result_changes_the_directory(overrides: str) -> None:
    base = ("optim.epochs=1",)
    assert (
        train_small(small(*base))[0].directory != train_small(small(*base, overrides))[0].directory
    )


def test_what_does_not_change_the_result_does_not(tmp_path: Path) -> None:
    a = make_class_folders(tmp_path / "a", {"train": 6, "val": 3})
    b = make_class_folders(tmp_path / "b", {"train": 6, "val": 3})
    overrides = ("data=folder", "data.size=36", "optim.epochs=1")
    first, _ = train_small(small(*overrides, f"data.root={a}", "label=x", "data.workers=0"))
    second, _ = train_small(small(*overrides, f"data.root={b}", "label=x", "data.workers=2"))
    assert second.skipped
    assert second.directory == first.directory


@pytest.mark.parametrize("epoch", [1, 2, 4])
def test_a_run_that_died_resumes_to_the_same_weights(
    monkeypatch: pytest.MonkeyPatch, epoch: int
) -> None:
    overrides = ("optim.epochs=4", "optim=paper", "optim.plateau.patience=1", "optim.lr=0.003")
    whole, _ = train_small(small(*overrides, "label=whole"))
    stop_after_epoch(monkeypatch, epoch)
    with pytest.raises(RuntimeError, match="killed"):
        train_small(small(*overrides, "label=halved"))
    halved, reporter = train_small(small(*overrides, "label=halved"))
    assert any("resuming from" in note for note in reporter.notes)
    assert equal_weights(last_weights(whole.directory), last_weights(halved.directory))
    compared = ("step", "epoch", "split", "loss", "top1_err", "top5_err", "lr")
    rows = [
        [
            {key: json.loads(line)[key] for key in compared}
            for line in (Path(d.directory) / "metrics.jsonl").read_text().splitlines()
        ]
        for d in (whole, halved)
    ]
    assert rows[0] == rows[1]
    assert whole.result["best"]["epoch"] == halved.result["best"]["epoch"]


def _command(*overrides: str) -> list[str]:
    return [sys.executable, "-m", "alexcli", "train", *SMALL, *overrides]


@pytest.mark.slow
@pytest.mark.parametrize("workers", [0, 2])
def test_sigkill_between_epochs_then_the_same_command_ends_with_the_same_weights(
    workers: int,
) -> None:
    overrides = ("optim.epochs=6", f"data.workers={workers}")
    child = subprocess.Popen(_command(*overrides, "label=killed"), stderr=subprocess.DEVNULL)
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
    subprocess.run(_command(*overrides, "label=killed"), check=True, capture_output=True)
    subprocess.run(_command(*overrides, "label=whole"), check=True, capture_output=True)
    whole = next(Path("runs/whole").glob("s*"))
    assert equal_weights(last_weights(killed), last_weights(whole))


@pytest.mark.slow
def test_ctrl_c_saves_within_the_epoch_and_the_same_command_resumes() -> None:
    overrides = ("optim.epochs=2", "optim.batch_size=10", "data.train_count=1500", "optim.lr=0.001")
    overrides += ("data.workers=2",)
    child = subprocess.Popen(
        _command(*overrides, "label=stopped"),
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + 120
    log = Path("runs/stopped")
    while not any("images of 10 classes" in f.read_text() for f in log.glob("*/train.log")):
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
    again = subprocess.run(_command(*overrides, "label=stopped"), capture_output=True, text=True)
    assert again.returncode == 0, again.stderr
    assert "resuming from" in again.stderr
    subprocess.run(_command(*overrides, "label=whole"), check=True, capture_output=True)
    stopped, whole = (next(Path(f"runs/{n}").glob("s*")) for n in ("stopped", "whole"))
    assert equal_weights(last_weights(stopped), last_weights(whole))
    losses = [
        [json.loads(line)["loss"] for line in (d / "metrics.jsonl").read_text().splitlines()]
        for d in (stopped, whole)
    ]
    assert losses[0] == pytest.approx(losses[1], rel=1e-12)


TERMINATED = """
import os, signal
from alexcli.lit.module import AlexNetModule
from alexcli.reporter import NullReporter
from alexcli.run.train import train
from tests.conftest import small

validate = AlexNetModule.validation_step

def terminated(self, *arguments):
    os.kill(os.getpid(), signal.SIGTERM)
    validate(self, *arguments)
    AlexNetModule.validation_step = validate

AlexNetModule.validation_step = terminated
train(small("label=terminated", "eval.batch_size=20"), NullReporter())
"""


def test_sigterm_in_a_validation_ends_the_epoch_and_says_so() -> None:
    root = str(Path(__file__).parents[2])
    path = os.pathsep.join([root, os.environ.get("PYTHONPATH", "")])
    finished = subprocess.run(
        [sys.executable, "-c", TERMINATED],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": path},
    )
    assert finished.returncode == 1  # no command line is there to make 130 of it
    assert "TerminatedRunError: stopped after step 3; saved in runs/terminated" in finished.stderr
    (run,) = Path("runs/terminated").glob("s*")
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert [(row["epoch"], row["split"]) for row in rows] == [(1, "train"), (1, "val")]


@pytest.mark.parametrize("kind", ["file", "parent"])
def test_a_place_that_cannot_be_written_is_refused(tmp_path: Path, kind: str) -> None:
    blocked = tmp_path / "blocked"
    blocked.touch()
    where = blocked if kind == "file" else blocked / "runs"
    with pytest.raises(UsageError, match="cannot be"):
        train_small(small(f"runs={where}"))


def test_a_broken_image_in_a_loader_process_is_named_without_a_traceback(tmp_path: Path) -> None:
    root = make_class_folders(tmp_path / "d", {"train": 6, "val": 3})
    (root / "val/b/1.png").write_bytes(b"nothing")
    overrides = ("data=folder", "data.size=36", f"data.root={root}", "data.workers=1", "label=x")
    with pytest.raises(UsageError, match=r"val/b/1\.png cannot be decoded") as caught:
        train_small(small(*overrides))
    assert "Traceback" not in caught.value.message


def test_classes_come_from_the_data_and_a_contradiction_is_refused(tmp_path: Path) -> None:
    root = make_class_folders(tmp_path / "d", {"train": 6, "val": 3})
    overrides = ("data=folder", "data.size=36", f"data.root={root}", "data.workers=0", "label=x")
    trained, _ = train_small(small(*overrides, "optim.epochs=1"))
    assert trained.result["classes"] == 3
    assert trained.result["last"]["val"]["top5_err"] is None
    with pytest.raises(UsageError, match=r"model\.classes=7, but the data has 3"):
        train(small(*overrides, "model.classes=7"), NullReporter(), overrides=["model.classes=7"])


def test_weights_can_start_from_another_run() -> None:
    first, _ = train_small(small("optim.epochs=1"))
    overrides = ("optim.epochs=1", "optim.lr=1e-12", f"init_from={first.directory}", "label=second")
    second, _ = train_small(small(*overrides))
    before, after = last_weights(first.directory), last_weights(second.directory)
    assert all(torch.allclose(before[n], after[n], atol=1e-6) for n in before)
    with pytest.raises(UsageError, match="no layer can be copied from"):
        train_small(small(*overrides, "model.width=0.5"))


def test_resuming_from_another_runs_checkpoint_is_refused_with_init_from() -> None:
    first, _ = train_small(small("optim.epochs=1"))
    with pytest.raises(UsageError) as caught:
        train_small(small("optim.epochs=2"), resume=first.directory)
    assert "init_from=" in (caught.value.hint or "")


def test_resuming_from_ones_own_best_checkpoint_ends_with_the_same_weights() -> None:
    trained, _ = train_small(small())
    before = last_weights(trained.directory)
    again, reporter = train_small(small(), resume=f"{trained.directory}/best.ckpt")
    assert not again.skipped
    assert any("resuming from" in note for note in reporter.notes)
    assert equal_weights(before, last_weights(again.directory))


def test_a_batch_norm_run_can_be_started_from() -> None:
    overrides = ("model.norm=batch", "optim.epochs=1")
    first, _ = train_small(small(*overrides))
    second, _ = train_small(small(*overrides, f"init_from={first.directory}", "label=second"))
    assert not second.skipped


@pytest.mark.parametrize("label", ["a/b", "../x", "a~1", ".hidden"])
def test_a_label_that_is_no_plain_folder_name_is_refused(label: str) -> None:
    with pytest.raises(UsageError, match="label="):
        train_small(small(f"label={label}"))


def test_two_processes_cannot_train_the_same_run() -> None:
    trained, _ = train_small(small())
    run = RunDirectory(Path(trained.directory))
    run.result_file.unlink()
    with run.locked(), pytest.raises(UsageError, match="another process"):
        train_small(small())


def _do_meanwhile(monkeypatch: pytest.MonkeyPatch, other: Callable[[], object]) -> None:
    """Let another training take place right before the next one locks its run."""
    locked = RunDirectory.locked

    def do_first(run: RunDirectory) -> contextlib.AbstractContextManager[None]:
        monkeypatch.setattr(RunDirectory, "locked", locked)
        other()
        return run.locked()

    monkeypatch.setattr(RunDirectory, "locked", do_first)


def test_a_run_that_another_process_finished_meanwhile_is_skipped_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stop_after_epoch(monkeypatch, 1)
    with pytest.raises(RuntimeError, match="killed"):
        train_small(small())
    finished: list[TrainResult] = []
    _do_meanwhile(monkeypatch, lambda: finished.append(train_small(small())[0]))
    second, _ = train_small(small())
    assert second.skipped
    assert second.result == finished[0].result
    run = RunDirectory(Path(second.directory))
    assert [row["epoch"] for row in run.rows()] == [1, 1, 2, 2]


def test_a_run_resumes_from_what_another_process_saved_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def train_an_epoch() -> None:
        stop_after_epoch(monkeypatch, 1)
        with pytest.raises(RuntimeError, match="killed"):
            train_small(small())

    _do_meanwhile(monkeypatch, train_an_epoch)
    trained, reporter = train_small(small())
    run = RunDirectory(Path(trained.directory))
    assert f"resuming from {run.last}, step 3" in reporter.notes
    assert [row["epoch"] for row in run.rows()] == [1, 1, 2, 2]


def test_the_command_of_a_run_can_be_typed_in_a_shell() -> None:
    words = ["experiment=quickstart", *SMALL, "logger=[csv]", "optim.epochs=1"]
    trained = train(compose(words, TrainSpec), NullReporter(), overrides=words)
    assert shlex.split(trained.result["command"]) == ["alexcli", "train", *words]
    assert "'logger=[csv]'" in trained.result["command"]


def test_a_last_batch_that_batch_norm_cannot_take_is_refused_before_anything_is_written() -> None:
    spec = small("model.norm=batch", "model.layers.fc6.ops=[norm,act]", "data.train_count=101")
    with pytest.raises(UsageError, match=r"batch_size=50 leave 1 of 101 training images"):
        train(spec, NullReporter())
    assert not Path("runs").exists()
