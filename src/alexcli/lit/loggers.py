"""Weights & Biases, for those who want it; metrics.jsonl is always written, with or without it."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from lightning.pytorch.loggers import Logger, WandbLogger

from alexcli.errors import UsageError
from alexcli.schema import LoggerKind, LoggerSpec, TrainSpec


@contextlib.contextmanager
def open_loggers(
    spec: TrainSpec, config: dict[str, object], directory: Path, *, is_main: bool
) -> Iterator[list[Logger]]:
    """The loggers that a configuration asks for; their records are complete after the block.

    Args:
        spec: the run's configuration.
        config: the same configuration as plain data, which the logger records.
        directory: the run directory; wandb writes below it.
        is_main: whether this is the process that writes; the others have no loggers.

    Raises:
        UsageError: wandb cannot start, because it has no login or no network.
    """
    if spec.logger.kind is LoggerKind.none or not is_main:
        yield []
        return
    import wandb  # takes a second to import, which runs without it should not pay

    logger = _wandb_logger(spec.logger, directory)
    try:
        logger.experiment.config.update(config, allow_val_change=True)
    except wandb.Error as error:
        raise UsageError(
            f"wandb cannot start: {error}", hint="logger.offline=true, or `wandb login` first"
        ) from error
    exit_code = 1
    try:
        yield [logger]
        exit_code = 0
    finally:
        logger.experiment.finish(exit_code=exit_code)
        wandb.teardown()  # waits for the process that writes


def _wandb_logger(spec: LoggerSpec, directory: Path) -> WandbLogger:
    """Lightning's logger for wandb, named after the run directory."""
    import wandb

    return WandbLogger(
        name=f"{directory.parent.name}/{directory.name}",
        # The run directory identifies the run, so a resumed run continues the same record.
        id=f"{directory.parent.name}-{directory.name}",
        project=spec.project,
        entity=spec.entity,
        offline=spec.offline,
        save_dir=str(directory),
        resume=None if spec.offline else "allow",
        log_model=False,
        settings=wandb.Settings(silent=True),
    )
