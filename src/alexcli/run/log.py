"""train.log: what lasts of what a run says."""

import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path

from alexcli.errors import AlexcliError
from alexcli.results import EpochRow, Reporter

NAMES = ("alexcli.run", "lightning.pytorch")  # Lightning's own messages go to the file too


@contextlib.contextmanager
def logged(path: Path, reporter: Reporter) -> Iterator[Reporter]:
    """A reporter that also writes to a file; an expected error is written before it passes on."""
    handler = logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    loggers = [logging.getLogger(name) for name in NAMES]
    for logger in loggers:
        logger.handlers = [handler]
    log = loggers[0]
    log.setLevel(logging.INFO)
    log.propagate = False
    try:
        yield _Both(reporter, log)
    except AlexcliError as error:
        log.error("%s", error.message)
        raise
    finally:
        reporter.close()
        handler.close()
        for logger in loggers:
            logger.handlers = []


class _Both:
    """Tells the reporter, and writes what lasts to train.log."""

    def __init__(self, reporter: Reporter, log: logging.Logger) -> None:
        self.reporter, self.log = reporter, log
        self.counted, self.step, self.close = reporter.counted, reporter.step, reporter.close

    def note(self, text: str) -> None:
        self.log.info("%s", text)
        self.reporter.note(text)

    def warn(self, text: str) -> None:
        self.log.warning("%s", text)
        self.reporter.warn(text)

    def epoch(self, rows: list[EpochRow], epochs: int) -> None:
        for row in rows:
            error = f"loss {row.loss:.4f} top-1 error {row.top1_err:.4f}"
            self.log.info("epoch %d/%d %s %s", row.epoch, epochs, row.split, error)
        self.reporter.epoch(rows, epochs)
