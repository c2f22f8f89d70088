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
"""In the run directory: MLflow's name of the run, under which a resumed one goes on."""
STATUSES: dict[Status, str] = {"finished": "FINISHED", "failed": "FAILED", "stopped": "KILLED"}
"""MLflow's words."""
SPLITS = ("train", "val", "train_eval")
FOR_EACH_PROCESS = {
    # A local record contacts nobody.
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
}
"""Settings of MLflow; what the user's environment says goes first."""


class MlflowLogger(RowLogger):
    """Records to one run of MLflow, whatever number of sessions it takes.

    MLflow deletes no metrics: what a killed session has recorded after its last checkpoint stays,
    and is not recorded again.

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
        """Send the numbers of a row, all or none of them."""
        self.logger.log_metrics(metrics_of(row), row["step"])

    def close(self, status: Status) -> None:
        """Say how the run has ended."""
        self.logger.finalize(STATUSES[status])


def _known_run(client: "object", id_file: Path) -> str | None:
    """The run that an earlier session has begun, unless MLflow knows nothing of it."""
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
    """Let one process at a time make a database: trainings may begin together."""
    path = uri.removeprefix("sqlite:///")
    with FileLock(f"{path}.lock") if path != uri else contextlib.nullcontext():
        yield
