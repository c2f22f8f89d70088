"""wandb, for those who want it: metrics.jsonl is always written, so no curve depends on it."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from lightning.pytorch.loggers import Logger, WandbLogger

from alexcli.errors import UsageError
from alexcli.schema import LoggerKind, TrainSpec


@contextlib.contextmanager
def open_loggers(
    spec: TrainSpec, config: dict[str, object], directory: Path, *, root: bool
) -> Iterator[list[Logger]]:
    """The loggers of a configuration, whose records end with the block: an offline one is whole
    on disk then.

    Args:
        spec: the run's configuration.
        config: the same as plain data, which the logger keeps.
        directory: of the run; wandb writes below it.
        root: whether this is the process that writes.

    Raises:
        UsageError: wandb cannot start, for want of a login or of a network.
    """
    if spec.logger.kind is LoggerKind.none or not root:
        yield []
        return
    import wandb  # a second to import, for those who want it

    logger = WandbLogger(
        name=f"{directory.parent.name}/{directory.name}",
        # The run directory names the run, so a resumed run goes on in the same record.
        id=f"{directory.parent.name}-{directory.name}",
        project=spec.logger.project,
        entity=spec.logger.entity,
        offline=spec.logger.offline,
        save_dir=str(directory),
        resume=None if spec.logger.offline else "allow",
        log_model=False,
        settings=wandb.Settings(silent=True),
    )
    try:
        logger.experiment.config.update(config, allow_val_change=True)
    except wandb.Error as error:
        raise UsageError.of("train.wandb", error=error) from error
    failed = True
    try:
        yield [logger]
        failed = False
    finally:
        logger.experiment.finish(exit_code=int(failed))
        wandb.teardown()  # waits for the process that writes
