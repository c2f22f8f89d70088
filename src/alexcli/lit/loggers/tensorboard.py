"""TensorBoard: curves and settings in RUN/tensorboard."""

import time
from typing import Any

from lightning.pytorch.loggers import TensorBoardLogger
from torch.utils.tensorboard import SummaryWriter
from torch.utils.tensorboard.summary import hparams

from alexcli.lit.loggers.base import LoggedRun, Row, RowLogger, Status, metrics_of
from alexcli.schema import LoggerSpec

FOLDER = "tensorboard"
EVENT_FILES = "events.out.tfevents.*"
SHOWN_METRIC = "val/top1_err"
"""The metric shown in the table of settings."""


class EventsLogger(RowLogger):
    """Writes one file of events, rewritten in each session including all earlier events.

    Each event carries the time at which it would have been recorded without a pause.

    Args:
        spec: not read.
        run: its directory gets the folder of events.

    Raises:
        OSError: a file cannot be written.
    """

    def __init__(self, spec: LoggerSpec, run: LoggedRun) -> None:
        folder = run.directory / FOLDER
        for file in folder.glob(EVENT_FILES):
            file.unlink()
        logger = TensorBoardLogger(
            run.directory,
            name=FOLDER,
            version="",
            # A running TensorBoard then drops the events of the earlier file.
            purge_step=0,
        )
        self.writer: SummaryWriter = logger.experiment
        seconds = float(run.rows[-1]["time"]) if run.rows else 0.0
        self.start = time.time() - seconds
        self._record_settings(run)

    def record(self, row: Row) -> None:
        """Add an event for each number, and write them to the file."""
        when = self.start + row["time"]
        for name, value in metrics_of(row).items():
            self.writer.add_scalar(name, value, row["step"], walltime=when)
        self.writer.flush()

    def close(self, status: Status) -> None:
        """Close the file."""
        self.writer.close()

    def _record_settings(self, run: LoggedRun) -> None:
        """Add the run to TensorBoard's table of settings."""
        settings = {
            key: value if isinstance(value, bool | int | float | str) else str(value)
            for key, value in run.settings.items()
        }
        writer: Any = self.writer  # its methods for this are untyped
        summaries: Any = hparams
        for summary in summaries(settings, {SHOWN_METRIC: 0.0}):
            writer._get_file_writer().add_summary(summary)
