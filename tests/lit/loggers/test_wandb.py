"""Weights & Biases, offline."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("wandb")

from alexcli.lit.loggers import wandb as module
from alexcli.lit.loggers.wandb import WeightsAndBiases
from alexcli.schema import LoggerSpec
from tests.lit.loggers.sessions import ROWS, run_in, session


class Server:
    """A run on a server, which counts the rows that it gets, and Lightning's logger for it."""

    def __init__(self, **options: Any) -> None:
        self.options = options
        self.rows: list[tuple[int, float]] = []
        self.experiment = self

    config = SimpleNamespace(update=lambda *_, **__: None)

    @property
    def step(self) -> int:
        return len(self.rows)

    def log_metrics(self, metrics: dict[str, float], step: int) -> None:
        self.rows.append((step, next(value for name, value in metrics.items() if "loss" in name)))

    def finish(self, exit_code: int) -> None:
        assert exit_code == 0


def test_what_a_killed_run_has_sent_is_not_sent_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = Server()
    monkeypatch.setattr(module, "WandbLogger", lambda **_: server)
    spec = LoggerSpec(wandb=True, offline=False)

    def start(run: Any) -> WeightsAndBiases:
        return WeightsAndBiases(spec, run)

    session(start, run_in(tmp_path, []), ROWS[:3], killed=True)
    session(start, run_in(tmp_path, ROWS[:2]), ROWS[2:], killed=False)
    assert server.rows == [(row["step"], row["loss"]) for row in ROWS]


def test_a_resumed_run_has_one_record_offline_and_it_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = tmp_path / "quickstart" / "s0-1234"
    run = run_in(directory, ROWS[:2])
    earlier = directory / "wandb" / "offline-run-20260101_000000-quickstart-s0-1234"
    other = directory / "wandb" / "offline-run-20260101_000000-another"
    for folder in (earlier, other):
        (folder / "files").mkdir(parents=True)
    server = Server()
    monkeypatch.setattr(module, "WandbLogger", lambda **_: server)
    session(lambda run: WeightsAndBiases(LoggerSpec(), run), run, ROWS[2:], killed=False)
    assert not earlier.exists()
    assert other.exists()
    assert len(server.rows) == len(ROWS)
