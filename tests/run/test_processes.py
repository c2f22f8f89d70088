"""Whole runs in several processes: checkpoints handed on, death, signals, evaluation, bad input."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from alexcli.errors import LostPeerError, RunFailedError
from alexcli.lit.checkpointing import EpochRecorder
from alexcli.reporter import NullReporter
from alexcli.run import checkpoint
from alexcli.run import processes as module
from alexcli.run.directory import RunDirectory
from alexcli.run.final_test import measure_test
from alexcli.run.processes import WorkerGroup
from alexcli.run.train import train
from alexcli.run.worker import send_error_to_parent
from tests.conftest import SMALL, small

CPU = torch.device("cpu")


def _start(*overrides: str, **environ: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "alexcli", *overrides]
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environ},
    )


def _epochs(run: Path) -> int:
    """Epochs that are recorded."""
    file = run / "metrics.jsonl"
    return file.read_text().count('"val"') if file.exists() else 0


def _until(run: Path, epochs: int, child: "subprocess.Popen[str]") -> None:
    until = time.monotonic() + 120
    while _epochs(run) < epochs and child.poll() is None and time.monotonic() < until:
        time.sleep(0.02)
    assert child.poll() is None, child.communicate()


def _children(parent: int) -> list[int]:
    """Processes started by another, oldest first."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == parent:
            found.append((int(fields[19]), int(stat.parent.name)))
    return [pid for _, pid in sorted(found)]


def _apart(ours: Any, theirs: Any) -> float:
    return float((ours - theirs).norm() / theirs.norm().clamp_min(1e-12))


def _die_after_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the next run of this process die, as by a kill, once an epoch was recorded."""
    recorded = EpochRecorder.on_train_epoch_end

    def die(self: EpochRecorder, trainer: Any, pl_module: Any) -> None:
        recorded(self, trainer, pl_module)
        monkeypatch.setattr(EpochRecorder, "on_train_epoch_end", recorded)
        raise RuntimeError("killed")

    monkeypatch.setattr(EpochRecorder, "on_train_epoch_end", die)


@pytest.mark.slow
def test_a_run_resumes_under_any_placement_after_death_and_interruption(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """single, distributed (a rank is killed), ddp (SIGTERM), split; against single all along.

    Four processes in two replicas; the last batches, of one image, leave a replica without any.
    """
    overrides = ["optim.epochs=16", "data.train_count=151", "data.val_count=61"]
    uninterrupted = train(small(*overrides, "label=uninterrupted"), NullReporter())
    run = Path("runs/handed") / Path(uninterrupted.directory).name
    overrides += ["label=handed"]
    _die_after_epoch(monkeypatch)
    with pytest.raises(RuntimeError, match="killed"):
        train(small(*overrides), NullReporter())

    child = _start("train", *SMALL, *overrides, "placement=distributed", "placement.replicas=2")
    _until(run, 3, child)
    died, rank1 = time.monotonic(), _children(child.pid)[1]
    os.kill(rank1, signal.SIGKILL)
    out, err = child.communicate(timeout=60)
    assert child.returncode == 1, err
    assert time.monotonic() - died < 30  # a minute is promised
    error = next(line for line in err.splitlines() if line.startswith("error"))
    assert error == "error: rank 1 of 4: was killed by SIGKILL"
    assert err.count("resuming from") == 1  # the root alone speaks
    assert out == ""

    child = _start("train", *SMALL, *overrides, "placement=ddp", "placement.replicas=2")
    _until(run, _epochs(run) + 2, child)
    child.send_signal(signal.SIGTERM)
    out, err = child.communicate(timeout=60)
    assert child.returncode == 75, err
    assert err.count("stopping after this step") == 1
    assert "stopped after step" in err

    done = train(
        small(*overrides, "placement=split", "placement.devices=[cpu,cpu]"), NullReporter()
    )
    assert Path(done.directory) == run
    _assert_same(run, Path(uninterrupted.directory))
    _assert_evaluates_alike(run, done.result)


def test_two_processes_measure_the_test_error_and_finish() -> None:
    child = _start("train", *SMALL, "placement=distributed")
    out, err = child.communicate(timeout=120)
    assert child.returncode == 0, err
    run = RunDirectory(Path(out.strip()))
    assert (run.result() or {})["test"] == measure_test(run, NullReporter())


def _assert_same(run: Path, uninterrupted: Path) -> None:
    """Weights, momentum, records and files; float32 sums in another order differ a little."""
    found, whole = (checkpoint.read(path / "last.ckpt") for path in (run, uninterrupted))
    assert list(found["state_dict"]) == list(whole["state_dict"])
    for name, tensor in whole["state_dict"].items():
        assert _apart(found["state_dict"][name], tensor) < 1e-4, name
    (ours,), (theirs,) = found["optimizer_states"], whole["optimizer_states"]
    assert ours["param_groups"] == theirs["param_groups"]
    for number, state in theirs["state"].items():
        assert _apart(ours["state"][number]["velocity"], state["velocity"]) < 1e-3
    rows = [
        [json.loads(line) for line in (path / "metrics.jsonl").read_text().splitlines()]
        for path in (run, uninterrupted)
    ]
    assert len(rows[0]) == len(rows[1]) == 32
    for one, other in zip(*rows, strict=True):
        assert [one[key] for key in ("epoch", "split", "step", "lr")] == [
            other[key] for key in ("epoch", "split", "step", "lr")
        ]
        assert one["loss"] == pytest.approx(other["loss"], rel=1e-4)
        assert one["top1_err"] == pytest.approx(other["top1_err"], abs=0.02)
    assert {path.name for path in run.iterdir()} == {path.name for path in uninterrupted.iterdir()}


def _assert_evaluates_alike(run: Path, result: dict[str, Any]) -> None:
    """By torchrun, as on many machines; the run's own placement is not what evaluates it."""
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    for placement in (
        "distributed",
        "ddp",
    ):  # the last batch leaves the second replica of ddp without
        arguments = ["eval", str(run), "eval.batch_size=20", "--format", "json"]
        command = [sys.executable, *torchrun, "-m", "alexcli", *arguments]
        command.append(f"placement={placement}")
        evaluation = subprocess.run(command, capture_output=True, text=True, timeout=120)
        assert evaluation.returncode == 0, evaluation.stderr
        (row,) = json.loads(evaluation.stdout)
        assert row["n"] == 61
        assert row["top1_err"] == result["last"]["val"]["top1_err"]
        assert row["loss"] == pytest.approx(result["last"]["val"]["loss"], rel=1e-5)


def test_bad_placement_is_one_message_and_writes_nothing() -> None:
    child = _start("train", *SMALL, "placement=split", "placement.devices=[cuda:0,cuda:9]")
    out, err = child.communicate(timeout=60)
    assert child.returncode == 2
    assert "cuda:0" in err
    assert "Traceback" not in err
    assert out == ""
    assert not Path("runs").exists()


def test_the_cause_is_shown_not_the_loss_of_a_peer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rank 0 notices first that rank 1 is gone; what rank 1 says counts."""
    monkeypatch.setattr(sys, "executable", "false")  # three processes that end with 1
    group = WorkerGroup(3, [], tmp_path)
    monkeypatch.setattr(module, "PEER_GRACE_SECONDS", 1.0)
    for rank, error in (
        (0, LostPeerError("gone")),
        (1, ValueError("broken")),
        (2, LostPeerError("x")),
    ):
        monkeypatch.setenv("RANK", str(rank))
        monkeypatch.setenv("WORLD_SIZE", "3")
        monkeypatch.setenv("LOCAL_RANK", str(rank))
        monkeypatch.setenv("LOCAL_WORLD_SIZE", "3")
        monkeypatch.setenv("ALEXCLI_MEETING", str(tmp_path / "meeting"))
        assert send_error_to_parent(error)
    with pytest.raises(RunFailedError) as raised:
        group.wait()
    assert raised.value.message.startswith("rank 1 of 3: ValueError: broken")
