"""Which process of a run this is."""

import subprocess
import sys

import pytest

from alexcli.errors import UsageError
from alexcli.placement.environment import (
    MEETING,
    ProcessEnvironment,
    check_meeting_place,
    distributed_env,
)

TORCHRUN = {
    "RANK": "5",
    "WORLD_SIZE": "8",
    "LOCAL_RANK": "1",
    "LOCAL_WORLD_SIZE": "4",
    "MASTER_ADDR": "head",
    "MASTER_PORT": "29500",
}
SLURM = {
    "SLURM_PROCID": "3",
    "SLURM_LOCALID": "1",
    "SLURM_STEP_NUM_TASKS": "4",
    "SLURM_STEP_TASKS_PER_NODE": "2(x2)",
    "SLURM_STEP_NODELIST": "gpu[03-04,9],other",
    "SLURM_JOB_ID": "1234567",
}


@pytest.mark.parametrize(("node", "processes"), [("0", 2), ("1", 2), ("2", 1), (None, 2), ("3", 1)])
def test_each_node_of_a_slurm_step_has_its_own_number_of_processes(
    node: str | None, processes: int
) -> None:
    environ = {**SLURM, "SLURM_STEP_NUM_TASKS": "5", "SLURM_STEP_TASKS_PER_NODE": "2(x2),1"}
    if node is not None:
        environ["SLURM_NODEID"] = node
    environment = distributed_env(environ)
    assert environment is not None
    assert environment.local_size == processes


def test_torchrun_says_which_process_this_is() -> None:
    assert distributed_env(TORCHRUN) == ProcessEnvironment(5, 8, 1, 4, "env://")


def test_processes_that_alexcli_started_meet_in_a_file() -> None:
    environment = distributed_env({**TORCHRUN, MEETING: "/tmp/x/meeting"})
    assert environment == ProcessEnvironment(5, 8, 1, 4, "file:///tmp/x/meeting")


def test_slurm_says_which_process_this_is() -> None:
    assert distributed_env(SLURM) == ProcessEnvironment(3, 4, 1, 2, "tcp://gpu03:19567")


def test_slurm_processes_meet_where_the_user_says() -> None:
    address = {"MASTER_ADDR": "head", "MASTER_PORT": "1234"}
    environment = distributed_env({**SLURM, **address})
    assert environment is not None
    assert environment.init_method == "tcp://head:1234"


def test_inside_sbatch_or_a_step_of_one_task_a_process_is_on_its_own() -> None:
    assert distributed_env({"SLURM_PROCID": "0", "SLURM_NTASKS": "8"}) is None
    assert distributed_env({**SLURM, "SLURM_STEP_NUM_TASKS": "1"}) is None
    assert distributed_env({}) is None


def test_one_process_of_torchrun_is_on_its_own() -> None:
    alone = {"RANK": "0", "WORLD_SIZE": "1", "LOCAL_RANK": "0", "LOCAL_WORLD_SIZE": "1"}
    assert distributed_env(alone) is None


def test_a_missing_variable_is_named() -> None:
    with pytest.raises(UsageError, match="LOCAL_RANK is not set") as caught:
        distributed_env({"RANK": "0", "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2"})
    assert "torchrun" in (caught.value.hint or "")


@pytest.mark.parametrize("name", ["SLURM_STEP_NUM_TASKS", "SLURM_JOB_ID", "SLURM_PROCID"])
def test_a_variable_of_slurm_that_is_no_number_is_named(name: str) -> None:
    with pytest.raises(UsageError, match=f"{name} is 'abc', not a number"):
        distributed_env({**SLURM, name: "abc"})


def test_a_variable_that_is_no_number_is_named_with_its_value() -> None:
    with pytest.raises(UsageError, match="WORLD_SIZE is 'two', not a number"):
        distributed_env({**TORCHRUN, "WORLD_SIZE": "two"})


def _read_all(environ: dict[str, str]) -> None:
    distributed_env(environ)
    check_meeting_place(environ)


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("RANK", "8", "is 8, not from 0 to 7"),
        ("RANK", "-1", "is -1, not from 0 to 7"),
        ("LOCAL_RANK", "4", "is 4, not from 0 to 3"),
        ("WORLD_SIZE", "-3", "is -3, less than 1"),
        ("MASTER_PORT", "65536", "is 65536, not from 1 to 65535"),
        ("MASTER_PORT", "http", "is 'http', not a number"),
    ],
)
def test_a_number_that_cannot_be_is_named(name: str, value: str, problem: str) -> None:
    with pytest.raises(UsageError, match=f"{name} {problem}"):
        _read_all({**TORCHRUN, name: value})


def test_a_meeting_place_that_is_not_set_is_named() -> None:
    without = {name: value for name, value in TORCHRUN.items() if name != "MASTER_ADDR"}
    with pytest.raises(UsageError, match="MASTER_ADDR is not set"):
        check_meeting_place(without)
    check_meeting_place({**without, MEETING: "file"})  # of alexcli's own processes
    check_meeting_place(SLURM)
    with pytest.raises(UsageError, match="SLURM_PROCID is 4, not from 0 to 3"):
        distributed_env({**SLURM, "SLURM_PROCID": "4"})
    with pytest.raises(UsageError, match="MASTER_PORT is 'x', not a number"):
        distributed_env({**SLURM, "MASTER_PORT": "x"})


def test_it_is_read_without_importing_torch() -> None:
    program = "import sys, alexcli.placement.environment; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0
