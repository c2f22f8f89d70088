"""Which process this is, of how many: from torchrun, Slurm or alexcli itself. No torch here."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass

from alexcli.errors import UsageError

MEETING = "ALEXCLI_MEETING"  # a file where processes that alexcli started find each other


@dataclass(frozen=True)
class World:
    """One process of a run."""

    rank: int
    size: int
    local_rank: int
    """On this machine."""
    local_size: int
    meeting: str
    """Where the processes find each other: an init_method of torch.distributed."""


def world(environ: Mapping[str, str] = os.environ) -> World | None:
    """What the environment says; None for a process on its own.

    Raises:
        UsageError: half of what torchrun sets is missing, or is no number.
    """
    if "RANK" in environ and "WORLD_SIZE" in environ:
        found = _numbers(environ, "RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")
        meeting = f"file://{environ[MEETING]}" if MEETING in environ else "env://"
    elif int(environ.get("SLURM_STEP_NUM_TASKS", 1)) > 1:  # set by srun alone, not by sbatch
        tasks = re.match(r"\d+", environ.get("SLURM_STEP_TASKS_PER_NODE", "1"))
        found = [
            *_numbers(environ, "SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "SLURM_LOCALID"),
            int(tasks[0]) if tasks else 1,
        ]
        # The first name of a list such as node[03-06,9],other; a port of the job's own.
        first = environ.get("SLURM_STEP_NODELIST", "localhost")
        first = re.sub(r"\[(\w+)[^\]]*\]", r"\1", first).split(",")[0]
        host = environ.get("MASTER_ADDR", first)
        port = environ.get("MASTER_PORT", 15000 + int(environ.get("SLURM_JOB_ID", 0)) % 10000)
        meeting = f"tcp://{host}:{port}"
    else:
        return None
    rank, size, local_rank, local_size = found
    return World(rank, size, local_rank, local_size, meeting) if size > 1 else None


def _numbers(environ: Mapping[str, str], *names: str) -> list[int]:
    try:
        return [int(environ[name]) for name in names]
    except (KeyError, ValueError) as error:
        raise UsageError.of("placement.environment", error=error, names=names) from error
