"""From a configuration to objects: data, net, device."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from alexcli.data.dataset import Dataset, Statistics
from alexcli.data.sources import open_dataset
from alexcli.data.store import is_url
from alexcli.data.transforms import Preprocess
from alexcli.errors import UsageError
from alexcli.model.shapes import trace
from alexcli.model.towers import Borrowed, Towers
from alexcli.optim import parameter_groups
from alexcli.placement.plan import open_placement
from alexcli.placement.single import Single
from alexcli.results import Reporter
from alexcli.schema import Accelerator, PlacementKind, Precision, TrainSpec

COMPILE_FROM = 1000  # updates, among which half a minute of compiling is little


def build_data(
    spec: TrainSpec, reporter: Reporter, *, overrides: Sequence[str] = ()
) -> tuple[TrainSpec, Dataset]:
    """Open the pictures and fit the net's outputs to their classes.

    Args:
        spec: as composed.
        reporter: told what a reader must know of the data.
        overrides: what the user typed, to tell a wish for a number of classes from a default.

    Returns:
        The configuration with the data's number of classes, and the data.

    Raises:
        UsageError: impossible sizes, bad data, or `model.classes` that contradicts the data.
    """
    # A run can then be evaluated from any folder.
    if spec.data.root is not None and not is_url(spec.data.root):
        root = str(Path(spec.data.root).expanduser().absolute())
        spec = replace(spec, data=replace(spec.data, root=root))
    if spec.model.torchvision is None:
        trace(spec.model)
    dataset = open_dataset(spec.data)
    if dataset.size != spec.data.size:  # a store has a size of its own
        if any(word.startswith("data.size=") for word in overrides):
            raise UsageError.of("data.size", spec=spec, dataset=dataset)
        spec = replace(spec, data=replace(spec.data, size=dataset.size))
    if spec.model.input.size > spec.data.size:
        Preprocess(spec.augment, spec.model.input, None, spec.data.size)  # raises, with a hint
    classes = len(dataset.classes)
    if classes != spec.model.classes:
        if any(word.startswith("model.classes=") for word in overrides):
            raise UsageError.of("data.classes", spec=spec, classes=classes)
        spec = replace(spec, model=replace(spec.model, classes=classes))
    if dataset.note:
        reporter.note(f"data: {dataset.note}")
    if dataset.skipped:
        reporter.warn(f"data: {dataset.skipped} files cannot be decoded and are left out")
    return spec, dataset


def check_build(spec: TrainSpec) -> None:
    """Build net, preprocessing and learning rule without memory for weights.

    Raises:
        UsageError: they do not fit together.
    """
    with torch.device("meta"):
        net = build_net(spec)
        build_preprocess(spec, None)
    parameter_groups(net.named_parameters(), spec.optim)


def build_net(spec: TrainSpec, placement: Single | None = None) -> Towers:
    """The net with its initial weights; under a placement, the towers that this process holds."""
    kind = Towers if spec.model.torchvision is None else Borrowed
    if placement is None:
        return kind(spec.model, seed=spec.seed)
    return kind(spec.model, mine=placement.mine, exchange=placement.exchange, seed=spec.seed)


def build_placement(spec: TrainSpec) -> Single:
    """Where the towers live; other processes of the run are met here.

    Raises:
        UsageError: towers, devices and processes do not fit together.
    """
    return open_placement(spec.placement, spec.model, spec.optim.batch_size, resolve_device(spec))


def build_preprocess(spec: TrainSpec, statistics: Statistics | None) -> Preprocess:
    """From stored pictures to the net's input; without statistics, a checkpoint fills them in."""
    return Preprocess(spec.augment, spec.model.input, statistics, spec.data.size)


def resolve_device(spec: TrainSpec) -> torch.device:
    """The device that `trainer.accelerator` names on this machine.

    Raises:
        UsageError: a GPU where there is none.
    """
    wanted, there = spec.trainer.accelerator, torch.cuda.is_available()
    if wanted is Accelerator.gpu and not there:
        raise UsageError.of("trainer.no_gpu")
    return torch.device("cuda" if there and wanted is not Accelerator.cpu else "cpu")


def resolve_precision(spec: TrainSpec) -> Precision:
    """The arithmetic that `trainer.precision` names: auto is bf16 where the hardware has it."""
    wanted = spec.trainer.precision
    if wanted is not Precision.auto:
        return wanted
    if resolve_device(spec).type == "cuda":
        has = torch.cuda.get_device_capability() >= (8, 0)  # Ampere
    else:
        has = torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported()
    return Precision.bf16 if has else Precision.float32


def is_narrow(spec: TrainSpec) -> bool:
    """Whether products run in bfloat16 on this machine."""
    return resolve_precision(spec) is Precision.bf16


def resolve_compile(spec: TrainSpec, updates: int) -> str:
    """`compiled`, or else why a run of so many updates is not.

    Raises:
        UsageError: `trainer.compile` is not one of auto, true, false.
    """
    wanted = spec.trainer.compile.lower()  # yaml's bare false arrives as "False"
    wanted = {"off": "false", "on": "true"}.get(wanted, wanted)
    if wanted not in ("auto", "true", "false"):
        raise UsageError.of("trainer.compile", spec=spec)
    if spec.placement.kind is not PlacementKind.single:
        return "not compiled (placement is not single)"
    # On a CPU inductor's norms and pools over channels-last maps were slower than eager ones.
    worth = resolve_device(spec).type == "cuda" and updates >= COMPILE_FROM
    if wanted == "false" or (wanted == "auto" and not worth):
        return "not compiled"
    from torch._inductor import cpp_builder  # takes seconds

    try:
        cpp_builder.get_cpp_compiler()
    except RuntimeError:
        return "not compiled (there is no C++ compiler)"
    return "compiled"
