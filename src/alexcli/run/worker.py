"""One process of several: whether it is the main one, its configuration, and reporting its errors.

Under torchrun or Slurm nobody collects errors: each process prints its own.
"""

import json
import os
import time
import traceback
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from alexcli.errors import AlexcliError, RunFailedError, UsageError
from alexcli.placement.environment import MEETING, ProcessEnvironment, distributed_env

if TYPE_CHECKING:  # omegaconf would slow down every --help
    from alexcli.schema import TrainSpec

CONFIG_FILE = "config.yaml"
"""The resolved configuration, in the folder where processes that alexcli started meet."""
RESUMES = "the same command resumes from what was saved"


@dataclass
class WorkerError:
    """A process's report of the error that ended it."""

    rank: int
    kind: str
    """Name of a class in alexcli.errors."""
    time: float
    """Seconds since the epoch, to tell which error came first."""
    message: str
    hint: str | None


def error_file(folder: Path, rank: int) -> Path:
    """Where a process writes its WorkerError."""
    return folder / f"rank{rank}.json"


def is_main_process() -> bool:
    """Whether this process reports results to the user: rank 0, or a single process."""
    environment = distributed_env()
    return environment is None or environment.rank == 0


def leave_process_group() -> None:
    """Leave the process group after the work, if there is one.

    After an error a process does not leave it, because leaving waits for the others.
    """
    if distributed_env() is not None:
        from alexcli.placement.distributed import leave

        leave()


def rank_prefix() -> str:
    """The prefix of messages that names one of several processes; empty for a single process."""
    environment = _known_environment()
    return "" if environment is None else f"rank {environment.rank} of {environment.size}: "


def handed_config() -> "TrainSpec | None":
    """The resolved configuration that the starting process handed over, if there is one.

    Raises:
        UsageError: it cannot be read.
    """
    folder = _meeting_folder()
    if folder is None or not (folder / CONFIG_FILE).exists():
        return None
    from alexcli.config.saved import from_mapping
    from alexcli.config.yaml_text import read_yaml_file
    from alexcli.schema import TrainSpec

    path = folder / CONFIG_FILE
    return from_mapping(read_yaml_file(path), TrainSpec, source=path)


def send_error_to_parent(error: BaseException) -> bool:
    """Tell the process that started this one about an error.

    Returns:
        Whether there is such a process.
    """
    environment = _known_environment()
    folder = _meeting_folder()
    if environment is None or folder is None:
        return False
    if not isinstance(error, AlexcliError):
        trace = "".join(traceback.format_exception(error)).strip()
        error = RunFailedError(f"{type(error).__name__}: {error}\n{trace}", hint=RESUMES)
    record = WorkerError(
        rank=environment.rank,
        kind=type(error).__name__,
        time=time.time(),
        message=error.message,
        hint=error.hint,
    )
    error_file(folder, environment.rank).write_text(json.dumps(asdict(record)), encoding="utf-8")
    return True


def _known_environment() -> ProcessEnvironment | None:
    """Like distributed_env, but None if the variables are wrong: that is reported elsewhere."""
    try:
        return distributed_env()
    except UsageError:
        return None


def _meeting_folder() -> Path | None:
    """The folder where processes that alexcli started meet; None for a single process."""
    meeting = os.environ.get(MEETING)
    return None if meeting is None else Path(meeting).parent
