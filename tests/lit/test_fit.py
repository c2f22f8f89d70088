"""Whole trainings by Lightning, from the start and from the middle of an epoch."""

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from alexcli.errors import InterruptedRunError
from alexcli.lit.module import AlexNetModule
from tests.lit.small_run import build, run_fit

PEAK_OR_TIME = ("time", "images_per_s", "peak_memory_bytes")


def rows_of(directory: Path) -> list[dict[str, Any]]:
    """The lines of metrics.jsonl."""
    return [json.loads(line) for line in (directory / "metrics.jsonl").read_text().splitlines()]


def reproducible(row: dict[str, Any]) -> dict[str, Any]:
    """What of a row does not depend on the machine."""
    return {name: value for name, value in row.items() if name not in PEAK_OR_TIME}


def interrupt_in_step(monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    """Press Ctrl-C while this update is computed."""
    training_step = AlexNetModule.training_step

    def interrupted(self: AlexNetModule, *args: Any) -> Tensor:
        if self.global_step == step:
            signal.raise_signal(signal.SIGINT)
        return training_step(self, *args)

    monkeypatch.setattr(AlexNetModule, "training_step", interrupted)


def test_a_login_node_of_a_cluster_trains_without_a_word_about_srun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    srun = tmp_path / "srun"
    srun.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.delenv("SLURM_NTASKS", raising=False)
    run_fit(*build("optim.epochs=1"), tmp_path / "run")  # a warning is an error here
    assert rows_of(tmp_path / "run")


@pytest.mark.parametrize("step", [1, 3])
def test_a_run_interrupted_within_an_epoch_ends_bit_for_bit_like_an_uninterrupted_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    overrides = [
        "optim.groups.weights.lr={kind: cosine, per: step}",
        "optim.groups.biases.lr={kind: dexp, per: step, parts: 5}",
        "optim.label_smoothing=0.1",
    ]
    uninterrupted, data = build(*overrides)
    run_fit(uninterrupted, data, tmp_path / "uninterrupted")

    with monkeypatch.context() as patch:
        interrupt_in_step(patch, step)
        with pytest.raises(InterruptedRunError, match=f"stopped after step {step + 1}"):
            run_fit(*build(*overrides), tmp_path / "interrupted")
    resumed, data = build(*overrides)
    last = tmp_path / "interrupted" / "last.ckpt"
    run_fit(resumed, data, tmp_path / "interrupted", checkpoint=last)

    for a, b in zip(uninterrupted.net.parameters(), resumed.net.parameters(), strict=True):
        assert torch.equal(a, b)
    rows = [rows_of(tmp_path / name) for name in ("uninterrupted", "interrupted")]
    assert [reproducible(row) for row in rows[0]] == [reproducible(row) for row in rows[1]]


def test_every_row_has_the_peak_memory_and_the_learning_rate_of_its_last_update(
    tmp_path: Path,
) -> None:
    module, data = build("optim.groups.weights.lr={kind: cosine, per: step}")
    best = run_fit(module, data, tmp_path / "run")
    rows = rows_of(tmp_path / "run")
    assert [(row["epoch"], row["split"]) for row in rows] == [
        (1, "train"),
        (1, "val"),
        (2, "train"),
        (2, "val"),
    ]
    assert all(row["peak_memory_bytes"] > 0 for row in rows)
    last_updates = [module.spec.optim.lr * multiple for multiple in (0.75, 0.066987298)]
    assert [rows[0]["lr"], rows[2]["lr"]] == pytest.approx(last_updates)
    assert best is not None
    assert best.top1_err == min(row["top1_err"] for row in rows if row["split"] == "val")
