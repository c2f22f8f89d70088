"""Whole runs in several processes: checkpoints handed on, death, signals, evaluation, bad input."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from alexcli.errors import LostPeerError, RunFailedError, UsageError
from alexcli.lit.callbacks import Recorder
from alexcli.placement.plan import processes
from alexcli.placement.world import World, world
from alexcli.results import Silent
from alexcli.run import checkpoint
from alexcli.run import processes as started
from alexcli.run.train import train
from alexcli.schema import PlacementKind, PlacementSpec
from tests.conftest import SMALL, model, small

CPU = torch.device("cpu")


def _start(*words: str, **environ: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "alexcli", *words]
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
    recorded = Recorder.on_train_epoch_end

    def die(self: Recorder, trainer: Any, pl_module: Any) -> None:
        recorded(self, trainer, pl_module)
        monkeypatch.setattr(Recorder, "on_train_epoch_end", recorded)
        raise RuntimeError("killed")

    monkeypatch.setattr(Recorder, "on_train_epoch_end", die)


@pytest.mark.slow
def test_a_run_goes_on_under_any_placement_after_death_and_interruption(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """single, ranks (a rank is killed), ddp (SIGTERM), split to the end; against single alone.

    Four processes in two replicas; the last batches, of one picture, leave a replica without any.
    """
    words = ["optim.epochs=16", "data.train_count=151", "data.val_count=61"]
    alone = train(small(*words, "label=alone"), Silent())
    run = Path("runs/handed") / Path(alone.directory).name
    words += ["label=handed"]
    _die_after_epoch(monkeypatch)
    with pytest.raises(RuntimeError, match="killed"):
        train(small(*words), Silent())

    child = _start("train", *SMALL, *words, "placement=ranks", "placement.replicas=2")
    _until(run, 3, child)
    died, rank1 = time.monotonic(), _children(child.pid)[1]
    os.kill(rank1, signal.SIGKILL)
    out, err = child.communicate(timeout=60)
    assert child.returncode == 1, err
    assert time.monotonic() - died < 30  # a minute is promised
    error = next(line for line in err.splitlines() if line.startswith("error"))
    assert error == "error: rank 1 of 4: was killed by SIGKILL"
    assert err.count("going on from") == 1  # the root alone speaks
    assert out == ""

    child = _start("train", *SMALL, *words, "placement=ddp", "placement.replicas=2")
    _until(run, _epochs(run) + 2, child)
    child.send_signal(signal.SIGTERM)
    out, err = child.communicate(timeout=60)
    assert child.returncode == 130, err
    assert err.count("stopping after this step") == 1
    assert "stopped after step" in err

    done = train(small(*words, "placement=split", "placement.devices=[cpu,cpu]"), Silent())
    assert Path(done.directory) == run
    _assert_same(run, Path(alone.directory))
    _assert_evaluates_alike(run, done.result)


def _assert_same(run: Path, alone: Path) -> None:
    """Weights, momentum, records and files; float32 sums in another order differ a little."""
    found, whole = (checkpoint.read(path / "last.ckpt") for path in (run, alone))
    assert list(found["state_dict"]) == list(whole["state_dict"])
    for name, tensor in whole["state_dict"].items():
        assert _apart(found["state_dict"][name], tensor) < 1e-4, name
    (ours,), (theirs,) = found["optimizer_states"], whole["optimizer_states"]
    assert ours["param_groups"] == theirs["param_groups"]
    for number, state in theirs["state"].items():
        assert _apart(ours["state"][number]["velocity"], state["velocity"]) < 1e-3
    rows = [
        [json.loads(line) for line in (path / "metrics.jsonl").read_text().splitlines()]
        for path in (run, alone)
    ]
    assert len(rows[0]) == len(rows[1]) == 32
    for one, other in zip(*rows, strict=True):
        assert [one[key] for key in ("epoch", "split", "step", "lr")] == [
            other[key] for key in ("epoch", "split", "step", "lr")
        ]
        assert one["loss"] == pytest.approx(other["loss"], rel=1e-4)
        assert one["top1_err"] == pytest.approx(other["top1_err"], abs=0.02)
    assert {path.name for path in run.iterdir()} == {path.name for path in alone.iterdir()}


def _assert_evaluates_alike(run: Path, result: dict[str, Any]) -> None:
    """By torchrun, as on many machines; the run's own placement is not what evaluates it."""
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    for placement in ("ranks", "ddp"):  # the last batch leaves the second replica of ddp without
        asked = ["eval", str(run), "eval.batch_size=20", "--format", "json"]
        command = [sys.executable, *torchrun, "-m", "alexcli", *asked, f"placement={placement}"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        (told,) = json.loads(done.stdout)
        assert told["n"] == 61
        assert told["top1_err"] == result["last"]["val"]["top1_err"]
        assert told["loss"] == pytest.approx(result["last"]["val"]["loss"], rel=1e-5)


def _here(rank: int, size: int) -> World:
    return World(rank, size, rank, size, "env://")


@pytest.mark.parametrize(
    ("words", "spec", "here", "says"),
    [
        ([], PlacementSpec(PlacementKind.split), None, "a device for each of 2 towers and has 0"),
        (
            ["model.towers=4"],
            PlacementSpec(PlacementKind.split, ["cpu", "cpu"]),
            None,
            "a device for each of 4 towers and has 2",
        ),
        (
            [],
            PlacementSpec(PlacementKind.split, ["cpu", "cuda:7"]),
            None,
            "'cuda:7', which does not exist; there are cpu",
        ),
        ([], PlacementSpec(PlacementKind.single, ["cpu"]), None, "belongs to placement=split"),
        ([], PlacementSpec(PlacementKind.single, replicas=2), None, "is one process"),
        ([], PlacementSpec(), _here(0, 2), "started as 2 processes"),
        ([], PlacementSpec(PlacementKind.ranks), _here(0, 3), "3 processes cannot be divided"),
        ([], PlacementSpec(PlacementKind.ranks, replicas=3), _here(0, 4), "needs 6 processes"),
        (["model.towers=7"], PlacementSpec(PlacementKind.ranks), None, "7 towers"),
        ([], PlacementSpec(PlacementKind.ddp, replicas=300), None, "300 replicas cannot share"),
        (["model=alexnet_bn"], PlacementSpec(PlacementKind.ddp, replicas=2), None, "norm=batch"),
        (["model.activation=rrelu"], PlacementSpec(PlacementKind.ranks), None, "rrelu"),
    ],
)
def test_impossible_placements_are_refused_before_a_process_starts(
    words: list[str], spec: PlacementSpec, here: World | None, says: str
) -> None:
    with pytest.raises(UsageError, match=re.escape(says)) as error:
        processes(spec, model(*words), 128, CPU, here)
    assert error.value.hint


def test_more_ranks_than_gpus_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    cuda = torch.device("cuda")
    spec = PlacementSpec(PlacementKind.ranks)
    assert processes(spec, model(), 128, cuda, None) == 2
    with pytest.raises(UsageError, match="needs 4 GPUs on this machine, which has 2"):
        processes(PlacementSpec(PlacementKind.ranks, replicas=2), model(), 128, cuda, None)
    spec = PlacementSpec(PlacementKind.split, ["cuda:0", "cuda:2"])
    with pytest.raises(UsageError, match="there are cpu, cuda:0, cuda:1"):
        processes(spec, model(), 128, cuda, None)


def test_bad_placement_is_one_message_and_writes_nothing() -> None:
    child = _start("train", *SMALL, "placement=split", "placement.devices=[cuda:0,cuda:9]")
    out, err = child.communicate(timeout=60)
    assert child.returncode == 2
    assert "cuda:0" in err
    assert "Traceback" not in err
    assert out == ""
    assert not Path("runs").exists()


def test_torchrun_and_slurm_say_which_process_this_is() -> None:
    torchrun = {"RANK": "5", "WORLD_SIZE": "8", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "4"}
    assert world(torchrun) == World(5, 8, 1, 4, "env://")
    slurm = {
        "SLURM_PROCID": "3",
        "SLURM_LOCALID": "1",
        "SLURM_STEP_NUM_TASKS": "4",
        "SLURM_STEP_TASKS_PER_NODE": "2(x2)",
        "SLURM_STEP_NODELIST": "gpu[03-04,9],other",
        "SLURM_JOB_ID": "1234567",
    }
    assert world(slurm) == World(3, 4, 1, 2, "tcp://gpu03:19567")
    # Inside sbatch, or an interactive step of one task, alexcli is on its own.
    assert world({"SLURM_PROCID": "0", "SLURM_NTASKS": "8"}) is None
    assert world({**slurm, "SLURM_STEP_NUM_TASKS": "1"}) is None
    with pytest.raises(UsageError, match="LOCAL_RANK"):
        world({"RANK": "0", "WORLD_SIZE": "2"})


def test_the_cause_is_shown_not_the_loss_of_a_peer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rank 0 notices first that rank 1 is gone; what rank 1 says counts."""
    monkeypatch.setattr(sys, "executable", "false")  # three processes that end with 1
    family = started._Family(3, [], tmp_path)
    monkeypatch.setattr(started, "GRACE", 1.0)
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
        assert started.report(error)
    with pytest.raises(RunFailedError) as raised:
        family.watch()
    assert raised.value.message.startswith("rank 1 of 3: ValueError: broken")
