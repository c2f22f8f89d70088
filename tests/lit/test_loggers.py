"""Weights & Biases beside metrics.jsonl, offline."""

from pathlib import Path

import pytest
import wandb

from alexcli.errors import UsageError
from alexcli.lit import loggers
from alexcli.lit.loggers import open_loggers
from tests.conftest import small


def test_without_a_logger_there_is_none(tmp_path: Path) -> None:
    with open_loggers(small(), {}, tmp_path, is_main=True) as opened:
        assert opened == []


def test_processes_that_do_not_write_have_no_logger(tmp_path: Path) -> None:
    with open_loggers(small("logger=wandb"), {}, tmp_path, is_main=False) as opened:
        assert opened == []


def test_a_wandb_that_cannot_start_is_a_usage_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Refusing:
        @property
        def experiment(self) -> None:
            raise wandb.Error("no login")

    monkeypatch.setattr(loggers, "WandbLogger", lambda **_: Refusing())
    with (
        pytest.raises(UsageError, match="wandb cannot start: no login") as caught,
        open_loggers(small("logger=wandb"), {}, tmp_path, is_main=True),
    ):
        pass
    assert "logger.offline=true" in (caught.value.hint or "")
