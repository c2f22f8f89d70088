"""From a configuration to objects: data, net, device; where a run starts: its directory, layers of
another net (as the pre-trained entries of Table 2 had), and what `train` would do from there.
"""

from collections.abc import Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path

import torch
import yaml
from torch import Tensor, nn

from alexcli.config import to_mapping
from alexcli.data.dataset import Dataset, Statistics
from alexcli.data.sources import open_dataset
from alexcli.data.store import is_url
from alexcli.data.transforms import Preprocess
from alexcli.errors import UsageError, plural
from alexcli.model.shapes import trace
from alexcli.model.towers import Towers
from alexcli.model.zoo import Borrowed
from alexcli.optim import parameter_groups
from alexcli.placement.plan import open_placement, processes
from alexcli.placement.single import Single
from alexcli.placement.world import world
from alexcli.results import Reporter
from alexcli.run import checkpoint
from alexcli.run.rundir import RunDirectory, locate, settings_digest
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
        reporter.warn(f"data: left out {plural(dataset.skipped, 'file')} that cannot be decoded")
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


def directory_for(spec: TrainSpec, pictures: str, init: str | None) -> RunDirectory:
    """Where a run belongs.

    Args:
        spec: the configuration.
        pictures: the data's own fingerprint (classes, counts, sizes).
        init: digest of the weights to start from, if any.
    """
    label = spec.label or f"{spec.model.name}_{spec.data.source.name}"
    if not label.replace("-", "").replace("_", "").replace(".", "").isalnum() or label[0] == ".":
        raise UsageError.of("run.label", label=label)
    precision = resolve_precision(spec).name
    mark = settings_digest(spec, pictures=pictures, precision=precision, init=init)
    return RunDirectory(Path(spec.runs).expanduser() / label / f"s{spec.seed}-{mark}")


def start_of(spec: TrainSpec, data: str) -> tuple[RunDirectory, Path | None, dict[str, Tensor]]:
    """Where a run on data of the given fingerprint belongs, the checkpoint that `init_from` means,
    and the weights of that.

    Raises:
        UsageError: no such checkpoint, or `init.layers` without a source.
    """
    source, init, weights = None, None, {}
    if spec.init_from is not None:
        source = locate(spec.init_from)[1]
        state = checkpoint.read(source)["state_dict"]
        weights = {k.removeprefix("net."): v for k, v in state.items() if k.startswith("net.")}
        init = checkpoint.weights_digest(weights)
    elif spec.init.layers is not None:
        raise UsageError.of("init.no_source", layers=spec.init.layers)
    return directory_for(spec, data, init), source, weights


def transfer(
    net: nn.Module, state: dict[str, Tensor], wanted: Sequence[str] | None, source: Path
) -> str:
    """Copy layer by layer: one is copied whole, over all towers, or not at all.

    Args:
        net: of any device; on meta nothing is copied but all is checked.
        state: the source's weights, named as the net's.
        wanted: shell patterns over layers, such as `conv*`; None for all that match.
        source: named in errors.

    Returns:
        A line for people: layers copied, those that keep their initial weights, with the reason,
        and those of the source that have no use here.

    Raises:
        UsageError: a pattern that no layer matches, a layer named outright that cannot be copied,
            or nothing to copy.
    """
    own, there = _by_layer(net.state_dict()), _by_layer(state)
    for pattern in wanted or []:
        if not any(fnmatchcase(name, pattern) for name in own):
            raise UsageError.of("init.pattern", word=pattern, known=own)
    why = {name: _unlike(tensors, there.get(name)) for name, tensors in own.items()}
    for name in own:
        if wanted is not None and not any(fnmatchcase(name, pattern) for pattern in wanted):
            why[name] = "not asked for"
        elif why[name] and name in (wanted or []):
            raise UsageError.of("init.layer", name=name, source=source, why=why[name])
    copied = [name for name in own if not why[name]]
    anew = [f"{name} ({reason})" for name, reason in why.items() if reason]
    if not copied:
        raise UsageError.of("init.nothing", source=source, why="; ".join(anew))
    for layer in copied:
        for name, tensor in own[layer].items():
            tensor.copy_(state[name])
    parts = {"copied": copied, "initialised anew": anew}
    parts["skipped"] = [name for name in there if name not in copied]
    return "; ".join(f"{what} {', '.join(names) or 'none'}" for what, names in parts.items())


def _by_layer(state: dict[str, Tensor]) -> dict[str, dict[str, Tensor]]:
    """tower0.conv1.weight and tower1.conv1.weight both belong to conv1."""
    layers: dict[str, dict[str, Tensor]] = {}
    for name, tensor in state.items():
        parts = name.split(".")
        if len(parts) > 2 and parts[0].startswith("tower"):
            layers.setdefault(parts[1], {})[name] = tensor
    return layers


def _unlike(own: dict[str, Tensor], there: dict[str, Tensor] | None) -> str | None:
    """Why a layer cannot be copied, or None."""
    if there is None:
        return "absent in the source"
    for name, tensor in own.items():
        if name not in there:
            return f"{name} absent in the source"
        if there[name].shape != tensor.shape:
            return f"{list(there[name].shape)} in the source, {list(tensor.shape)} here"
    return None if len(own) == len(there) else "more parts in the source"


def plan(spec: TrainSpec, reporter: Reporter, *, overrides: Sequence[str]) -> str:
    """The configuration as yaml, under comment lines that say where and how long it would run.

    Raises:
        UsageError: whatever `train` would refuse before its first step.
    """
    device = resolve_device(spec)
    size = processes(spec.placement, spec.model, spec.optim.batch_size, device, world())
    spec, dataset = build_data(spec, reporter, overrides=overrides)
    run, source, weights = start_of(spec, dataset.fingerprint)
    if run.result() is not None:
        state = "finished: train would skip it"
    else:
        state = "unfinished: train would go on with it" if run.last.exists() else "new"
    steps = -(-len(dataset.train) // spec.optim.batch_size)
    with torch.device("meta"):
        net = build_net(spec)
    lines = [
        f"run: {run.path} ({state})",
        f"data: {len(dataset.train):,} pictures of {len(dataset.classes)} classes, "
        f"{len(dataset.val):,} to validate",
        f"net: {sum(p.numel() for p in net.parameters()):,} parameters",
        f"work: {spec.optim.epochs} epochs of {steps:,} updates at most, "
        f"{device.type}, {resolve_precision(spec).name}, placement {spec.placement.kind.name} "
        f"({size} process{'es' if size > 1 else ''})",
    ]
    if source is not None:
        words = transfer(net, weights, spec.init.layers, source)
        lines.append(f"weights from {source}: {words}")
    head = "".join(f"# {line}\n" for line in lines)
    return head + yaml.safe_dump(to_mapping(spec), sort_keys=False)
