"""From configuration to placement, with every refusal before a process starts."""

from collections.abc import Sequence
from typing import Any

import torch

from alexcli.errors import UsageError
from alexcli.model.shapes import layers, trace
from alexcli.placement.ranks import Ranks
from alexcli.placement.single import Single
from alexcli.placement.split import Split
from alexcli.placement.world import World, world
from alexcli.schema import Activation, ModelSpec, Norm, Op, PlacementKind, PlacementSpec

ALONE = (PlacementKind.single, PlacementKind.split)


def open_placement(
    spec: PlacementSpec, model: ModelSpec, batch: int, device: torch.device
) -> Single:
    """The placement of this process.

    Args:
        spec: as configured.
        model: the net.
        batch: pictures of a global batch.
        device: cpu, or cuda for this machine's GPUs.

    Raises:
        UsageError: whatever `processes` refuses.
        LostPeerError: other processes cannot be met.
    """
    here = world()
    size = processes(spec, model, batch, device, here)
    if spec.kind is PlacementKind.split:
        return Split([torch.device(name) for name in split_devices(spec, model, device)])
    if size == 1:
        return Single(device, model.towers)
    assert here is not None, "alexcli starts the processes before one of them comes here"
    own = torch.device(device.type, here.local_rank) if device.type == "cuda" else device
    return Ranks(here, own, model.towers, together=spec.kind is PlacementKind.ddp)


def processes(
    spec: PlacementSpec, model: ModelSpec, batch: int, device: torch.device, here: World | None
) -> int:
    """How many processes a run takes.

    Args:
        spec: as configured.
        model: the net.
        batch: pictures of a global batch.
        device: cpu, or cuda for this machine's GPUs.
        here: this process, if others were started with it.

    Raises:
        UsageError: towers, devices, replicas and processes do not fit together.
    """
    if model.torchvision is None:
        trace(model)  # towers that do not divide the filters
    elif spec.kind is not PlacementKind.single:
        raise UsageError.of("placement.borrowed", spec=spec, model=model)
    gpus = torch.cuda.device_count() if device.type == "cuda" else 0
    kind = spec.kind.name
    if model.activation is Activation.rrelu and spec.kind is not PlacementKind.single:
        raise UsageError.of("placement.rrelu", kind=kind)
    if spec.devices and spec.kind is not PlacementKind.split:
        raise UsageError.of("placement.devices", spec=spec, kind=kind)
    if spec.kind in ALONE:
        if spec.replicas is not None:
            raise UsageError.of("placement.replicas_alone", spec=spec, kind=kind)
        if here is not None:
            raise UsageError.of("placement.processes_alone", here=here, kind=kind)
        if spec.kind is PlacementKind.split:
            split_devices(spec, model, device)
        return 1
    apart = model.towers if spec.kind is PlacementKind.ranks else 1  # processes of one replica
    size = here.size if here else apart * (spec.replicas or max(1, gpus // apart))
    if here and size % apart:
        raise UsageError.of("placement.uneven_processes", here=here, apart=apart)
    if here and spec.replicas is not None and size != apart * spec.replicas:
        counts: dict[str, Any] = {"needed": apart * spec.replicas, "fits": size // apart}
        raise UsageError.of("placement.process_count", spec=spec, apart=apart, here=here, **counts)
    if gpus and (local := here.local_size if here else size) > gpus:
        each = f" ({apart} towers each)" if apart > 1 else ""
        raise UsageError.of("placement.gpus", kind=kind, local=local, gpus=gpus, each=each)
    replicas = size // apart
    if replicas > batch:
        raise UsageError.of("placement.batch", replicas=replicas, batch=batch)
    ops = {op for layer in layers(model).values() for op in layer.ops}
    if replicas > 1 and model.norm is Norm.batch and Op.norm in ops:  # which would not be exact
        raise UsageError.of("placement.batch_norm", replicas=replicas)
    return size


def split_devices(spec: PlacementSpec, model: ModelSpec, device: torch.device) -> Sequence[str]:
    """A device for each tower.

    Raises:
        UsageError: too few or too many, or one that does not exist.
    """
    gpus = torch.cuda.device_count() if device.type == "cuda" else 0
    towers = model.towers
    devices = spec.devices or [f"cuda:{index}" for index in range(min(gpus, towers))]
    if len(devices) != towers:
        cpus = ",".join(["cpu"] * towers)  # as it is to be typed
        raise UsageError.of("placement.device_count", devices=devices, towers=towers, cpus=cpus)
    exist = ["cpu", *(f"cuda:{index}" for index in range(gpus))]
    for name in devices:
        if name not in exist:
            raise UsageError.of("placement.no_device", name=name, exist=exist)
    return devices
