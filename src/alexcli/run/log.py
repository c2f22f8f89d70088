"""train.log: the messages of a run, kept beside its results."""

import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path

from alexcli.errors import AlexcliError
from alexcli.records.training import EpochRow
from alexcli.reporter import Reporter


class LoggingReporter:
    """Passes everything on to another reporter, and logs notes, warnings and epochs.

    Args:
        reporter: receives progress updates.
        log: receives notes, warnings and epochs.
    """

    def __init__(self, reporter: Reporter, log: logging.Logger) -> None:
        self.reporter = reporter
        self.log = log
        self.busy = reporter.busy
        self.progress = reporter.progress
        self.step = reporter.step
        self.close = reporter.close

    def note(self, text: str) -> None:
        """See Reporter."""
        self.log.info("%s", text)
        self.reporter.note(text)

    def warn(self, text: str) -> None:
        """See Reporter."""
        self.log.warning("%s", text)
        self.reporter.warn(text)

    def epoch(self, rows: list[EpochRow], epochs: int) -> None:
        """See Reporter."""
        for row in rows:
            errors = f"loss {row.loss:.4f} top-1 error {row.top1_err:.4f}"
            self.log.info("epoch %d/%d %s %s", row.epoch, epochs, row.split, errors)
        self.reporter.epoch(rows, epochs)


@contextlib.contextmanager
def logged_to(path: Path, reporter: Reporter) -> Iterator[Reporter]:
    """A reporter that also writes to a file, to which Lightning's own messages go too.

    An expected error that leaves the block is logged first.

    Args:
        path: the log file, which is appended to.
        reporter: receives progress updates; closed at the end.
    """
    handler = logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    run_log = logging.getLogger("alexcli.run")
    run_log.setLevel(logging.INFO)
    run_log.propagate = False
    loggers = [run_log, logging.getLogger("lightning.pytorch")]
    for logger in loggers:
        logger.handlers = [handler]
    try:
        yield LoggingReporter(reporter, run_log)
    except AlexcliError as error:
        run_log.error("%s", error.message)
        raise
    finally:
        reporter.close()
        handler.close()
        for logger in loggers:
            logger.handlers = []
