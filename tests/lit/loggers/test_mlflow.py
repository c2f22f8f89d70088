"""MLflow in a database; where the package is not installed, what needs it is left out."""

from pathlib import Path
from typing import Any

import pytest

from alexcli.lit.loggers.mlflow import ID_FILE, MlflowLogger
from alexcli.schema import LoggerSpec
from tests.lit.loggers.sessions import ROWS, in_one_session, killed_and_resumed, run_in, session

mlflow = pytest.importorskip("mlflow")


@pytest.fixture(autouse=True)
def _no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


def start(run: object) -> MlflowLogger:
    return MlflowLogger(LoggerSpec(mlflow=True), run)  # type: ignore[arg-type]


def recorded(runs: Path, directory: Path) -> Any:
    """What MLflow has of a run, and its client."""
    client = mlflow.MlflowClient(f"sqlite:///{runs}/mlflow.db")
    return client.get_run((directory / ID_FILE).read_text().strip()), client


def test_a_run_has_its_settings_its_end_and_its_series_also_after_a_kill(tmp_path: Path) -> None:
    in_one_session(start, tmp_path / "quickstart" / "whole")
    killed_and_resumed(start, tmp_path / "quickstart" / "killed")
    series = []
    for name in ("whole", "killed"):
        run, client = recorded(tmp_path, tmp_path / "quickstart" / name)
        assert run.info.status == "FINISHED"
        assert run.info.run_name == f"quickstart/{name}"
        assert run.data.params["optim.lr"] == "0.01"
        history = client.get_metric_history(run.info.run_id, "val/loss")
        series.append([(metric.step, metric.value) for metric in history])
    assert series[0] == series[1] == [(3, 1.0), (6, 0.5)]


def test_a_run_that_mlflow_has_lost_is_recorded_anew(tmp_path: Path) -> None:
    directory = tmp_path / "quickstart" / "s0"
    run = run_in(directory, ROWS[:2])
    (directory / ID_FILE).write_text("0123\n")
    session(start, run, ROWS[2:], killed=False)
    run_of_mlflow, client = recorded(tmp_path, directory)
    assert len(client.get_metric_history(run_of_mlflow.info.run_id, "val/loss")) == 2
