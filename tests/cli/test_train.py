import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from alexcli.cli.train import StartFlags
from alexcli.run import checkpoint
from alexcli.run.directory import RunDirectory
from tests.cli.command_line import run_command
from tests.conftest import SMALL

MEASURED = ("images_per_s", "time", "peak_memory_bytes")
"""What a row of metrics.jsonl says of the machine."""


@pytest.mark.usefixtures("run")
def test_a_finished_run_is_skipped_and_says_how_to_start_over() -> None:
    outcome = run_command("train", *SMALL)
    assert outcome.code == 0
    assert "is finished" in outcome.err
    assert "--resume never" in outcome.err


def test_a_dry_run_writes_nothing_and_prints_the_configuration() -> None:
    outcome = run_command("train", *SMALL, "--dry-run")
    assert outcome.code == 0, outcome.err
    assert "# run: runs/quickstart/s0-" in outcome.out
    assert "(new)" in outcome.out
    assert "batch_size: 50" in outcome.out
    assert not Path("runs").exists()


def test_an_override_after_a_flag_counts() -> None:
    assert "seed: 5" in run_command("train", "--dry-run", *SMALL, "seed=5").out
    assert "seed: 6" in run_command("train", *SMALL, "--dry-run", "seed=6").out


@pytest.fixture
def _same_threads_after() -> Iterator[None]:
    """Take back what `trainer.threads` sets in this process."""
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


@pytest.mark.slow
@pytest.mark.usefixtures("_same_threads_after")
def test_a_sweep_trains_every_combination_as_if_it_were_typed_alone() -> None:
    words = [*SMALL, "trainer.threads=2"]
    command = [sys.executable, "-m", "alexcli", "train", *words, "seed=0,1", "--format", "json"]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert "2 of 2 jobs finished" in result.stderr
    assert result.stderr.count("2 threads") == 2, "and one where nothing is set: see conftest"
    runs = {path.name[:2]: path for path in Path("runs/quickstart").glob("s*")}
    assert runs.keys() == {"s0", "s1"}
    jobs = json.loads(result.stdout)
    assert {Path(job["directory"]) for job in jobs} == set(runs.values())
    assert [job["val_err"] for job in jobs] == sorted(job["val_err"] for job in jobs)
    assert result.stderr.splitlines()[-1].endswith(f"eval --ten-crop {jobs[0]['directory']}")
    alone = run_command("train", *words, "seed=1", "label=alone")
    assert alone.code == 0, alone.err
    _assert_same_training(runs["s1"], Path("runs/alone") / runs["s1"].name)


def _assert_same_training(run: Path, alone: Path) -> None:
    """Weights, momentum and metrics are equal to the bit, and there are the same files."""
    contents = [checkpoint.read(path / "last.ckpt") for path in (run, alone)]
    weights, weights_alone = (content["state_dict"] for content in contents)
    assert weights.keys() == weights_alone.keys()
    assert all(torch.equal(weights[name], weights_alone[name]) for name in weights)
    (optimizer,), (optimizer_alone,) = (content["optimizer_states"] for content in contents)
    assert optimizer["param_groups"] == optimizer_alone["param_groups"]
    for number, state in optimizer_alone["state"].items():
        assert torch.equal(optimizer["state"][number]["velocity"], state["velocity"])
    rows, rows_alone = (RunDirectory(path).rows() for path in (run, alone))
    assert len(rows) == 4
    for row, row_alone in zip(rows, rows_alone, strict=True):
        assert {key: row[key] for key in row if key not in MEASURED} == {
            key: row_alone[key] for key in row_alone if key not in MEASURED
        }
    assert {path.name for path in run.iterdir()} == {path.name for path in alone.iterdir()}


def test_extending_and_resuming_at_once_is_refused() -> None:
    outcome = run_command("train", *SMALL, "--extend", "--resume", "never")
    assert outcome.code == 2
    assert "--extend and --resume never name two places" in outcome.err


def test_a_flag_of_a_sweep_reaches_its_jobs() -> None:
    words = StartFlags("auto", extend=True).as_arguments()
    assert words == ["--resume", "auto", "--extend"]
    assert StartFlags("never", extend=False).as_arguments() == ["--resume", "never"]
