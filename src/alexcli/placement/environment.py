"""Which process of a run this is, as torchrun, Slurm or alexcli itself says. No torch here."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass

from alexcli.errors import UsageError

MEETING = "ALEXCLI_MEETING"
"""Environment variable: the file through which processes that alexcli started find each other."""

TASKS = "SLURM_STEP_NUM_TASKS"
"""Environment variable: processes of a Slurm job step; set by srun alone, not by sbatch."""
SLURM_FIRST_PORT = 15000
SLURM_PORTS = 10000  # jobs on the same machine get different ports


@dataclass(frozen=True)
class ProcessEnvironment:
    """One process among those of a run."""

    rank: int
    """Number of this process, from 0."""
    size: int
    """Processes of the run."""
    local_rank: int
    """Number of this process on its machine, from 0."""
    local_size: int
    """Processes of the run on this machine."""
    init_method: str
    """Where the processes find each other, as torch.distributed takes it."""


def distributed_env(environ: Mapping[str, str] = os.environ) -> ProcessEnvironment | None:
    """Read which process this is.

    Args:
        environ: environment variables.

    Returns:
        None for a process on its own.

    Raises:
        UsageError: a variable that torchrun or Slurm sets is missing or is not a number.
    """
    if "RANK" in environ and "WORLD_SIZE" in environ:
        environment = _from_torchrun(environ)
    elif TASKS in environ and _number(environ, TASKS) > 1:
        environment = _from_slurm(environ)
    else:
        return None
    return environment if environment.size > 1 else None


def _from_torchrun(environ: Mapping[str, str]) -> ProcessEnvironment:
    """The variables of torchrun, which alexcli sets too for the processes that it starts."""
    return ProcessEnvironment(
        rank=_number(environ, "RANK"),
        size=_number(environ, "WORLD_SIZE"),
        local_rank=_number(environ, "LOCAL_RANK"),
        local_size=_number(environ, "LOCAL_WORLD_SIZE"),
        init_method=f"file://{environ[MEETING]}" if MEETING in environ else "env://",
    )


def _from_slurm(environ: Mapping[str, str]) -> ProcessEnvironment:
    """The variables of a Slurm job step."""
    # "2(x2),1" is two tasks on each of two nodes, and one task on a third.
    tasks_per_node = re.match(r"\d+", environ.get("SLURM_STEP_TASKS_PER_NODE", "1"))
    return ProcessEnvironment(
        rank=_number(environ, "SLURM_PROCID"),
        size=_number(environ, TASKS),
        local_rank=_number(environ, "SLURM_LOCALID"),
        local_size=int(tasks_per_node[0]) if tasks_per_node else 1,
        init_method=_slurm_address(environ),
    )


def _slurm_address(environ: Mapping[str, str]) -> str:
    """A port, derived from the job's number, of the first node of a Slurm job step."""
    nodes = environ.get("SLURM_STEP_NODELIST", "localhost")
    # The first name of a list such as node[03-06,9],other is node03.
    first_node = re.sub(r"\[(\w+)[^\]]*\]", r"\1", nodes).split(",")[0]
    host = environ.get("MASTER_ADDR", first_node)
    job = _number(environ, "SLURM_JOB_ID") if "SLURM_JOB_ID" in environ else 0
    job_port = SLURM_FIRST_PORT + job % SLURM_PORTS
    port = environ.get("MASTER_PORT", job_port)
    return f"tcp://{host}:{port}"


def _number(environ: Mapping[str, str], name: str) -> int:
    """The number that an environment variable holds.

    Raises:
        UsageError: the variable is missing or is not a number.
    """
    value = environ.get(name)
    try:
        return int(value or "")
    except ValueError as error:
        problem = "is not set" if value is None else f"is {value[:80]!r}, not a number"
        raise UsageError(
            f"this process was started as one of several, but {name} {problem}",
            hint="start it with torchrun or srun, or let alexcli start its processes itself",
        ) from error
