"""Opening the loggers of a configuration, and sending each the lines that it lacks."""

import contextlib
import importlib
from collections.abc import Iterator
from typing import Any, NamedTuple

from alexcli.errors import InterruptedRunError, UsageError
from alexcli.lit.loggers.base import LoggedRun, Row, RowLogger, Status
from alexcli.reporter import Reporter
from alexcli.schema import LoggerSpec


class LoggerClass(NamedTuple):
    """The location of a logger's class."""

    module: str
    """A module of this package; it imports the logger's library, which takes time."""
    name: str
    """The class."""
    hint: str
    """The hint to show if it cannot start."""


LOGGERS = {
    "csv": LoggerClass("csv", "CsvLogger", "close whatever has metrics.csv open"),
    "tensorboard": LoggerClass("tensorboard", "EventsLogger", "leave tensorboard out of logger="),
    "mlflow": LoggerClass("mlflow", "MlflowLogger", "logger.uri=http://SERVER:PORT, or none"),
    "wandb": LoggerClass(
        "wandb", "WeightsAndBiases", "logger.offline=true, or `wandb login` first"
    ),
}
"""Loggers by the key of LoggerSpec that asks for them."""


class Loggers:
    """The loggers of a run, used as one.

    Args:
        loggers: by name.
        reporter: is told of a logger that fails.
    """

    rows: int
    """Number of lines of metrics.jsonl received so far."""

    def __init__(self, loggers: dict[str, RowLogger], reporter: Reporter) -> None:
        self.loggers = loggers
        self.reporter = reporter
        self.rows = 0

    def record(self, row: Row) -> None:
        """Send the next line of metrics.jsonl to each logger that does not have it.

        A logger that fails is dropped: the training matters more.
        """
        for name, logger in list(self.loggers.items()):
            if self.rows < logger.recorded:
                continue
            try:
                logger.record(row)
            except Exception as error:  # theirs, and of any kind
                del self.loggers[name]
                self.reporter.warn(
                    f"{name} is left out from here on: {_reason(error)}; metrics.jsonl has "
                    "everything, and a resumed run sends it to the logger"
                )
        self.rows += 1

    def close(self, status: Status) -> None:
        """End the record of each logger."""
        for name, logger in self.loggers.items():
            try:
                logger.close(status)
            except Exception as error:  # the training has ended already
                self.reporter.warn(f"{name} could not be closed: {_reason(error)}")


@contextlib.contextmanager
def open_loggers(
    spec: LoggerSpec, run: LoggedRun, reporter: Reporter, *, is_main: bool
) -> Iterator[Loggers]:
    """Open the loggers of a configuration; their records are complete after the block.

    Args:
        spec: which loggers.
        run: what they record.
        reporter: is told of a logger that fails.
        is_main: whether this process writes files; the others have no loggers.

    Raises:
        UsageError: a logger cannot start.
    """
    opened: dict[str, RowLogger] = {}
    loggers = Loggers(opened, reporter)
    status: Status = "failed"
    try:
        for name, logger_class in LOGGERS.items():
            if is_main and getattr(spec, name):
                opened[name] = _start(name, logger_class, spec, run)
        for row in run.rows:
            loggers.record(row)
        yield loggers
        status = "finished"
    except InterruptedRunError:
        status = "stopped"
        raise
    finally:
        loggers.close(status)


def _start(name: str, logger_class: LoggerClass, spec: LoggerSpec, run: LoggedRun) -> RowLogger:
    """Start a logger; UsageError if it cannot start."""
    try:
        module: Any = importlib.import_module(f"alexcli.lit.loggers.{logger_class.module}")
        logger: RowLogger = getattr(module, logger_class.name)(spec, run)
    except Exception as error:  # theirs, and of any kind
        raise UsageError(
            f"{name} cannot start: {_reason(error)}", hint=logger_class.hint
        ) from error
    return logger


def _reason(error: Exception) -> str:
    """The first line of an exception's message."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
