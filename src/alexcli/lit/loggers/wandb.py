"""Weights & Biases, offline or online."""

import shutil

import wandb
from lightning.pytorch.loggers import WandbLogger

from alexcli.lit.loggers.base import LoggedRun, Row, RowLogger, Status, metrics_of
from alexcli.schema import LoggerSpec


class WeightsAndBiases(RowLogger):
    """Records to one run of Weights & Biases, over any number of sessions.

    Offline, each session rewrites the whole record. Lines that were sent stay on the server, which
    counts them, and are not sent again.

    Args:
        spec: whether to send the record, and where.
        run: what is recorded; its directory identifies it.

    Raises:
        wandb.Error: no login, or no network.
    """

    def __init__(self, spec: LoggerSpec, run: LoggedRun) -> None:
        run_id = run.name.replace("/", "-")
        if spec.offline:
            for earlier in run.directory.glob(f"wandb/offline-run-*-{run_id}"):
                shutil.rmtree(earlier)
        self.logger = WandbLogger(
            name=run.name,
            id=run_id,
            project=spec.project,
            entity=spec.entity,
            offline=spec.offline,
            save_dir=str(run.directory),
            resume=None if spec.offline else "allow",
            log_model=False,
            settings=wandb.Settings(silent=True),
        )
        self.logger.experiment.config.update(dict(run.config), allow_val_change=True)
        if not spec.offline:
            self.recorded = self.logger.experiment.step  # each row is one step there

    def record(self, row: Row) -> None:
        """Record the numbers of a row as one step."""
        self.logger.log_metrics(metrics_of(row), row["step"])

    def close(self, status: Status) -> None:
        """Wait until everything is written."""
        self.logger.experiment.finish(exit_code=0 if status == "finished" else 1)
        wandb.teardown()  # waits for the process that writes
