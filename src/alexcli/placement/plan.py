"""Turning the configuration into a placement, with all checks before a process starts."""

from collections.abc import Sequence

import torch

from alexcli.errors import UsageError, plural
from alexcli.model.shapes import active_layers, trace
from alexcli.placement.base import Placement
from alexcli.placement.distributed import DistributedPlacement
from alexcli.placement.environment import ProcessEnvironment, check_meeting_place, distributed_env
from alexcli.placement.single import SinglePlacement
from alexcli.placement.split import SplitPlacement
from alexcli.schema import Activation, ModelSpec, Norm, Op, PlacementKind, PlacementSpec

ONE_PROCESS_KINDS = (PlacementKind.single, PlacementKind.split)


def open_placement(
    spec: PlacementSpec, model: ModelSpec, batch: int, device: torch.device
) -> Placement:
    """Open the placement of this process, which joins the other processes of the run.

    Args:
        spec: the placement's configuration.
        model: the net.
        batch: images of a global batch.
        device: cpu, or cuda for this machine's GPUs.

    Raises:
        UsageError: towers, devices, replicas and processes do not fit together.
        LostPeerError: the other processes cannot be reached.
    """
    environment = distributed_env()
    size = processes(spec, model, batch, device, environment)
    if spec.kind is PlacementKind.split:
        return SplitPlacement([torch.device(name) for name in split_devices(spec, model, device)])
    if size == 1:
        return SinglePlacement(device, model.towers)
    if environment is None:
        raise UsageError(
            f"placement={spec.kind.name} needs {plural(size, 'process')}, which only "
            "`alexcli train` and `alexcli eval` start",
            hint="placement=single",
        )
    check_meeting_place()
    if device.type == "cuda":
        device = torch.device("cuda", environment.local_rank)
    whole_net = spec.kind is PlacementKind.ddp
    return DistributedPlacement(environment, device, model.towers, whole_net=whole_net)


def processes(
    spec: PlacementSpec,
    model: ModelSpec,
    batch: int,
    device: torch.device,
    environment: ProcessEnvironment | None,
) -> int:
    """The number of processes that a run takes.

    Args:
        spec: the placement's configuration.
        model: the net.
        batch: images of a global batch.
        device: cpu, or cuda for this machine's GPUs.
        environment: this process, if it was started together with others.

    Raises:
        UsageError: towers, devices, replicas and processes do not fit together.
    """
    _check_model(spec, model)
    _check_devices_belong(spec)
    if spec.kind in ONE_PROCESS_KINDS:
        _check_one_process(spec, environment)
        if spec.kind is PlacementKind.split:
            split_devices(spec, model, device)
        return 1
    gpus = _gpu_count(device)
    per_replica = model.towers if spec.kind is PlacementKind.distributed else 1
    if environment is None:
        size = per_replica * (spec.replicas or max(1, gpus // per_replica))
        local_size = size
    else:
        _check_started(spec, environment, per_replica)
        size = environment.size
        local_size = environment.local_size
    if gpus:
        _check_gpus(spec, local_size, gpus, per_replica)
    _check_replicas(model, batch, size // per_replica)
    return size


def split_devices(spec: PlacementSpec, model: ModelSpec, device: torch.device) -> Sequence[str]:
    """A device for each tower: those of `placement.devices`, or else the first GPUs.

    Args:
        spec: the placement's configuration.
        model: the net.
        device: cpu, or cuda for this machine's GPUs.

    Raises:
        UsageError: too few or too many devices, or one that does not exist.
    """
    gpus = [f"cuda:{index}" for index in range(_gpu_count(device))]
    devices = spec.devices or gpus[: model.towers]
    if len(devices) != model.towers:
        cpus = ",".join(["cpu"] * model.towers)
        raise UsageError(
            f"placement=split needs a device for each of {plural(model.towers, 'tower')} "
            f"and has {len(devices)}: [{', '.join(devices)}]",
            hint=f"placement.devices=[{cpus}] tries it without GPUs",
        )
    existing = ["cpu", *gpus]
    for name in devices:
        if name not in existing:
            raise UsageError(
                f"placement.devices names {name!r}, which does not exist; "
                f"there are {', '.join(existing)}",
                hint="torch finds no other device here; CUDA_VISIBLE_DEVICES may hide some",
            )
    return devices


def _gpu_count(device: torch.device) -> int:
    """Number of this machine's GPUs that a run may use; 0 if it runs on the CPU."""
    return torch.cuda.device_count() if device.type == "cuda" else 0


def _check_model(spec: PlacementSpec, model: ModelSpec) -> None:
    """Raise UsageError for a net that this kind of placement would change, or impossible towers."""
    if model.torchvision is None:
        trace(model)  # refuses towers that do not divide the filters
    elif spec.kind is not PlacementKind.single:
        raise UsageError(
            f"placement={spec.kind.name} is for nets of towers; {model.name} is torchvision's, "
            "whose batch statistics would differ between processes",
            hint="placement=single",
        )
    if model.activation is Activation.rrelu and spec.kind is not PlacementKind.single:
        raise UsageError(
            "model.activation=rrelu draws its slopes in the order of one device; "
            f"placement={spec.kind.name} would train a different net",
            hint="placement=single",
        )


def _check_devices_belong(spec: PlacementSpec) -> None:
    """Raise UsageError for `placement.devices` with a kind of placement that would ignore them."""
    if spec.devices and spec.kind is not PlacementKind.split:
        raise UsageError(
            f"placement.devices=[{', '.join(spec.devices)}] belongs to placement=split, "
            f"not to {spec.kind.name}",
            hint="CUDA_VISIBLE_DEVICES=1 alexcli train ... chooses the second GPU",
        )


def _check_one_process(spec: PlacementSpec, environment: ProcessEnvironment | None) -> None:
    """Raise UsageError for replicas or started processes with a one-process placement."""
    if spec.replicas is not None:
        raise UsageError(
            f"placement.replicas={spec.replicas}, but placement={spec.kind.name} uses one process",
            hint="placement=distributed or placement=ddp",
        )
    if environment is not None:
        started = plural(environment.size, "process")
        raise UsageError(
            f"started as {started}, but placement={spec.kind.name} uses one",
            hint="placement=distributed or placement=ddp; "
            "or start alexcli without torchrun or srun",
        )


def _check_started(spec: PlacementSpec, environment: ProcessEnvironment, per_replica: int) -> None:
    """Raise UsageError if the number of started processes does not fit the replicas.

    Args:
        spec: the placement's configuration.
        environment: this process, among those that were started.
        per_replica: processes of one replica.
    """
    size = environment.size
    if size % per_replica:
        raise UsageError(
            f"{plural(size, 'process')} cannot be divided among {plural(per_replica, 'tower')}",
            hint=f"start a multiple of {plural(per_replica, 'process')}, one per tower and replica",
        )
    if spec.replicas is not None and size != per_replica * spec.replicas:
        for_each = plural(per_replica, "process")
        needed = plural(per_replica * spec.replicas, "process")
        raise UsageError(
            f"placement.replicas={spec.replicas} with {for_each} each needs {needed}, "
            f"and {size} were started",
            hint=f"placement.replicas={size // per_replica}, or leave it out",
        )


def _check_gpus(spec: PlacementSpec, local_size: int, gpus: int, per_replica: int) -> None:
    """Raise UsageError for more processes on this machine than it has GPUs.

    Args:
        spec: the placement's configuration.
        local_size: processes on this machine.
        gpus: GPUs of this machine.
        per_replica: processes of one replica.
    """
    if local_size > gpus:
        reason = f"; each replica takes {per_replica}" if per_replica > 1 else ""
        raise UsageError(
            f"placement={spec.kind.name} needs {plural(local_size, 'GPU')} on this machine, "
            f"which has {gpus}{reason}",
            hint="fewer placement.replicas, more machines (torchrun, srun), "
            "or trainer.accelerator=cpu",
        )


def _check_replicas(model: ModelSpec, batch: int, replicas: int) -> None:
    """Raise UsageError for replicas that cannot divide a batch or would change the net."""
    if replicas > batch:
        raise UsageError(
            f"{plural(replicas, 'replica')} cannot share a batch of optim.batch_size={batch}",
            hint="fewer placement.replicas, or a larger optim.batch_size",
        )
    has_norm = any(Op.norm in layer.ops for layer in active_layers(model).values())
    if replicas > 1 and model.norm is Norm.batch and has_norm:
        raise UsageError(
            "model.norm=batch takes means over the whole batch, "
            f"which {plural(replicas, 'replica')} would divide",
            hint="placement=single, split, or distributed with placement.replicas=1",
        )
