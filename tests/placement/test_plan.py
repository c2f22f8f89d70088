"""From configuration to placement: how many processes, which devices, and what is refused."""

import re

import pytest
import torch

from alexcli.errors import UsageError
from alexcli.placement.environment import ProcessEnvironment
from alexcli.placement.plan import open_placement, processes, split_devices
from alexcli.placement.single import SinglePlacement
from alexcli.placement.split import SplitPlacement
from alexcli.schema import PlacementKind, PlacementSpec
from tests.conftest import model

CPU = torch.device("cpu")
CUDA = torch.device("cuda")

SINGLE = PlacementSpec(PlacementKind.single)
SPLIT = PlacementSpec(PlacementKind.split)
DISTRIBUTED = PlacementSpec(PlacementKind.distributed)


def process(rank: int, size: int) -> ProcessEnvironment:
    """A process of a run on one machine."""
    return ProcessEnvironment(rank, size, rank, size, "env://")


def distributed(replicas: int) -> PlacementSpec:
    return PlacementSpec(PlacementKind.distributed, replicas=replicas)


def ddp(replicas: int) -> PlacementSpec:
    return PlacementSpec(PlacementKind.ddp, replicas=replicas)


def split(*devices: str) -> PlacementSpec:
    return PlacementSpec(PlacementKind.split, list(devices))


@pytest.mark.parametrize(
    ("overrides", "spec", "environment", "message"),
    [
        ([], SPLIT, None, "a device for each of 2 towers and has 0"),
        (["model.towers=4"], split("cpu", "cpu"), None, "a device for each of 4 towers and has 2"),
        ([], split("cpu", "cuda:7"), None, "'cuda:7', which does not exist; there are cpu"),
        ([], PlacementSpec(PlacementKind.single, ["cpu"]), None, "belongs to placement=split"),
        ([], PlacementSpec(PlacementKind.single, replicas=2), None, "uses one process"),
        ([], PlacementSpec(), process(0, 2), "started as 2 processes"),
        ([], DISTRIBUTED, process(0, 3), "3 processes cannot be divided"),
        ([], distributed(3), process(0, 4), "needs 6 processes"),
        (["model.towers=7"], DISTRIBUTED, None, "7 towers"),
        ([], ddp(300), None, "300 replicas cannot share"),
        (["model=alexnet_bn"], ddp(2), None, "norm=batch"),
        (["model.activation=rrelu"], DISTRIBUTED, None, "rrelu"),
        (["model=resnet18"], DISTRIBUTED, None, "placement=distributed is for nets of towers"),
    ],
)
def test_impossible_placements_are_refused_before_a_process_starts(
    overrides: list[str], spec: PlacementSpec, environment: ProcessEnvironment | None, message: str
) -> None:
    with pytest.raises(UsageError, match=re.escape(message)) as caught:
        processes(spec, model(*overrides), 128, CPU, environment)
    assert caught.value.hint


@pytest.mark.parametrize("spec", [DISTRIBUTED, ddp(2)])
def test_processes_that_nobody_started_are_refused(spec: PlacementSpec) -> None:
    with pytest.raises(UsageError, match=f"placement={spec.kind.name} needs 2 processes") as error:
        open_placement(spec, model(), 128, CPU)
    assert error.value.hint == "placement=single"


def test_more_processes_than_gpus_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert processes(DISTRIBUTED, model(), 128, CUDA, None) == 2
    with pytest.raises(UsageError, match="needs 4 GPUs on this machine, which has 2"):
        processes(distributed(2), model(), 128, CUDA, None)
    with pytest.raises(UsageError, match="there are cpu, cuda:0, cuda:1"):
        processes(split("cuda:0", "cuda:2"), model(), 128, CUDA, None)


def test_gpus_are_counted_on_each_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    of_two_machines = ProcessEnvironment(3, 4, 1, 2, "env://")
    assert processes(DISTRIBUTED, model(), 128, CUDA, of_two_machines) == 4


def test_a_run_takes_as_many_processes_as_the_gpus_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 5)
    assert processes(SINGLE, model(), 128, CUDA, None) == 1
    assert processes(SPLIT, model(), 128, CUDA, None) == 1
    assert processes(DISTRIBUTED, model(), 128, CUDA, None) == 4  # two replicas of two towers
    assert processes(PlacementSpec(PlacementKind.ddp), model(), 128, CUDA, None) == 5


def test_on_the_cpu_a_run_takes_one_replica_unless_more_are_named() -> None:
    assert processes(DISTRIBUTED, model(), 128, CPU, None) == 2
    assert processes(distributed(3), model(), 128, CPU, None) == 6
    assert processes(DISTRIBUTED, model(), 128, CPU, process(1, 4)) == 4


def test_split_takes_the_first_gpus_unless_devices_are_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    assert split_devices(SPLIT, model(), CUDA) == ["cuda:0", "cuda:1"]
    assert split_devices(split("cuda:2", "cpu"), model(), CUDA) == ["cuda:2", "cpu"]


def test_one_process_opens_single_and_split() -> None:
    single = open_placement(SINGLE, model(), 128, CPU)
    assert isinstance(single, SinglePlacement)
    assert single.local_towers == [0, 1]
    placement = open_placement(split("cpu", "cpu"), model(), 128, CPU)
    assert isinstance(placement, SplitPlacement)
    assert placement.devices == [CPU, CPU]
