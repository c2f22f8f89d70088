import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.command_line import run_command
from tests.conftest import SMALL


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


@pytest.mark.slow
def test_a_sweep_trains_every_combination() -> None:
    result = subprocess.run(
        [sys.executable, "-m", "alexcli", "train", *SMALL, "optim.epochs=1", "seed=0,1"],
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    assert len(result.stdout.splitlines()) == 2
    assert "2 of 2 jobs finished" in result.stderr
    assert {path.name[:2] for path in Path("runs/quickstart").glob("s*")} == {"s0", "s1"}
