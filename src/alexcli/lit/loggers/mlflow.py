"""MLflow: a run in a database beside the runs, or on a server."""

import contextlib
import logging
import os
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock
from lightning.pytorch.loggers import MLFlowLogger

from alexcli.files import write_atomic
from alexcli.lit.loggers.base import LoggedRun, Row, RowLogger, Status, metrics_of
from alexcli.schema import LoggerSpec

ID_FILE = "mlflow_run_id"
"""File in the run directory with MLflow's ID of the run, under which a resumed run continues."""
STATUSES: dict[Status, str] = {"finished": "FINISHED", "failed": "FAILED", "stopped": "KILLED"}
"""MLflow's names of them."""
SPLITS = ("train", "val", "train_eval")
FOR_EACH_PROCESS = {
    # A local record must not contact any server.
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
}
"""Settings of MLflow; the user's environment takes precedence."""


class MlflowLogger(RowLogger):
    """Records to one run of MLflow, over any number of sessions.

    MLflow cannot delete metrics: those that a killed session recorded after its last checkpoint
    stay, and are not recorded again.

    Args:
        spec: where, and under which experiment.
        run: what is recorded.

    Raises:
        MlflowException: the store or the server cannot be used.
    """

    def __init__(self, spec: LoggerSpec, run: LoggedRun) -> None:
        for name, value in FOR_EACH_PROCESS.items():
            os.environ.setdefault(name, value)
        import mlflow  # type: ignore[import-not-found,unused-ignore]

        logging.getLogger("alembic").setLevel(logging.WARNING)
        folder = run.directory.absolute().parent.parent
        uri = spec.uri or os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{folder}/mlflow.db"
        id_file = run.directory / ID_FILE
        with _alone(uri):
            client = mlflow.MlflowClient(uri)
            run_id = _known_run(client, id_file)
            if run_id is None and client.get_experiment_by_name(spec.project) is None:
                local = uri.startswith("sqlite:")
                artifacts = (folder / "mlartifacts").as_uri() if local else None
                client.create_experiment(spec.project, artifact_location=artifacts)
            self.logger = MLFlowLogger(
                spec.project, run_name=run.name, tracking_uri=uri, run_id=run_id
            )
            write_atomic(id_file, f"{self.logger.run_id}\n")
        if run_id is None:
            self.logger.log_hyperparams(dict(run.settings))
        else:
            client.update_run(run_id, status="RUNNING")
            histories = (client.get_metric_history(run_id, f"{split}/loss") for split in SPLITS)
            self.recorded = sum(len(history) for history in histories)

    def record(self, row: Row) -> None:
        """Send all numbers of a row, or none of them."""
        self.logger.log_metrics(metrics_of(row), row["step"])

    def close(self, status: Status) -> None:
        """Record how the run ended."""
        self.logger.finalize(STATUSES[status])


def _known_run(client: "object", id_file: Path) -> str | None:
    """The run that an earlier session began, or None if MLflow does not know it."""
    from mlflow.exceptions import MlflowException  # type: ignore[import-not-found,unused-ignore]

    try:
        run_id = id_file.read_text(encoding="utf-8").strip()
        run = client.get_run(run_id)  # type: ignore[attr-defined]
    except FileNotFoundError:
        return None
    except MlflowException as error:
        if error.error_code == "RESOURCE_DOES_NOT_EXIST":
            return None
        raise
    return run_id if run.info.lifecycle_stage == "active" else None


@contextlib.contextmanager
def _alone(uri: str) -> Iterator[None]:
    """Let one process at a time create a database: trainings may start together."""
    path = uri.removeprefix("sqlite:///")
    with FileLock(f"{path}.lock") if path != uri else contextlib.nullcontext():
        yield
