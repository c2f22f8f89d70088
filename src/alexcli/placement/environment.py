"""Which process of a run this is, from torchrun, Slurm or alexcli itself. Imports no torch."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass

from alexcli.errors import UsageError

MEETING = "ALEXCLI_MEETING"
"""Environment variable: the file through which processes that alexcli started find each other."""

TASKS_OF_NODES = re.compile(r"(\d+)(\(x(\d+)\))?")
"""Processes of each node, and of how many nodes in a row, in Slurm's lists."""
TASKS = "SLURM_STEP_NUM_TASKS"
"""Environment variable: number of processes of a Slurm job step; set by srun, not by sbatch."""
SLURM_FIRST_PORT = 15000
SLURM_PORTS = 10000  # jobs on the same machine get different ports
MOST_PORT = 65535


@dataclass(frozen=True)
class ProcessEnvironment:
    """One of the processes of a run."""

    rank: int
    """Number of this process, from 0."""
    size: int
    """Processes of the run."""
    local_rank: int
    """Number of this process on its machine, from 0."""
    local_size: int
    """Processes of the run on this machine."""
    init_method: str
    """Where the processes find each other, in the form of torch.distributed."""


def distributed_env(environ: Mapping[str, str] = os.environ) -> ProcessEnvironment | None:
    """Read which process this is.

    Args:
        environ: environment variables.

    Returns:
        None for a single process.

    Raises:
        UsageError: a variable that torchrun or Slurm sets is missing, is not a number, or is out
            of range.
    """
    if "RANK" in environ and "WORLD_SIZE" in environ:
        environment = _from_torchrun(environ)
    elif TASKS in environ and _number(environ, TASKS) > 1:
        environment = _from_slurm(environ)
    else:
        return None
    return environment if environment.size > 1 else None


def check_meeting_place(environ: Mapping[str, str] = os.environ) -> None:
    """Check the variables that torch itself reads if torchrun started the processes.

    Args:
        environ: environment variables.

    Raises:
        UsageError: a variable is missing or invalid.
    """
    if "RANK" in environ and MEETING not in environ:
        _text(environ, "MASTER_ADDR")
        _port(environ)


def _from_torchrun(environ: Mapping[str, str]) -> ProcessEnvironment:
    """Read torchrun's variables, which alexcli also sets for the processes that it starts."""
    size = _number(environ, "WORLD_SIZE", low=1)
    local_size = _number(environ, "LOCAL_WORLD_SIZE", low=1)
    rank = _number(environ, "RANK", high=size - 1)
    local_rank = _number(environ, "LOCAL_RANK", high=local_size - 1)
    init_method = f"file://{environ[MEETING]}" if MEETING in environ else "env://"
    return ProcessEnvironment(rank, size, local_rank, local_size, init_method)


def _from_slurm(environ: Mapping[str, str]) -> ProcessEnvironment:
    """Read the variables of a Slurm job step."""
    size = _number(environ, TASKS)
    return ProcessEnvironment(
        rank=_number(environ, "SLURM_PROCID", high=size - 1),
        size=size,
        local_rank=_number(environ, "SLURM_LOCALID"),
        local_size=_slurm_tasks_on_node(environ),
        init_method=_slurm_address(environ),
    )


def _slurm_tasks_on_node(environ: Mapping[str, str]) -> int:
    """The processes of a Slurm job step on this node."""
    tasks: list[int] = []
    # "2(x2),1" is two tasks on each of two nodes, and one task on a third.
    for count, _, nodes in TASKS_OF_NODES.findall(environ.get("SLURM_STEP_TASKS_PER_NODE", "1")):
        tasks += [int(count)] * int(nodes or 1)
    node = _number(environ, "SLURM_NODEID") if "SLURM_NODEID" in environ else 0
    return tasks[node] if node < len(tasks) else 1


def _slurm_address(environ: Mapping[str, str]) -> str:
    """The address of the first node of a Slurm job step, with a port derived from the job ID."""
    nodes = environ.get("SLURM_STEP_NODELIST", "localhost")
    # The first name of a list such as node[03-06,9],other is node03.
    first_node = re.sub(r"\[(\w+)[^\]]*\]", r"\1", nodes).split(",")[0]
    host = environ.get("MASTER_ADDR", first_node)
    job = _number(environ, "SLURM_JOB_ID") if "SLURM_JOB_ID" in environ else 0
    job_port = SLURM_FIRST_PORT + job % SLURM_PORTS
    port = _port(environ) if "MASTER_PORT" in environ else job_port
    return f"tcp://{host}:{port}"


def _port(environ: Mapping[str, str]) -> int:
    """The port at which the processes find each other, chosen by the user or torchrun."""
    return _number(environ, "MASTER_PORT", low=1, high=MOST_PORT)


def _number(environ: Mapping[str, str], name: str, low: int = 0, high: int | None = None) -> int:
    """The number that an environment variable holds.

    Raises:
        UsageError: the variable is missing, not a number, or not between `low` and `high`.
    """
    text = _text(environ, name)
    try:
        value = int(text)
    except ValueError as error:
        raise _wrong(name, f"is {text[:80]!r}, not a number") from error
    if high is not None and not low <= value <= high:
        raise _wrong(name, f"is {value}, not from {low} to {high}")
    if value < low:
        raise _wrong(name, f"is {value}, less than {low}")
    return value


def _text(environ: Mapping[str, str], name: str) -> str:
    """The value of an environment variable; UsageError if it is missing."""
    if name not in environ:
        raise _wrong(name, "is not set")
    return environ[name]


def _wrong(name: str, problem: str) -> UsageError:
    """The error for an invalid variable."""
    return UsageError(
        f"this process was started as one of several, but {name} {problem}",
        hint="start it with torchrun or srun, or let alexcli start its processes itself",
    )
