"""From a configuration to objects: data, net, placement, preprocessing."""

import dataclasses
import operator
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from alexcli.config.keys import as_typed
from alexcli.data.dataset import Dataset
from alexcli.data.open import TEST_AS_VAL, VAL_OF_THE_DATA, open_dataset
from alexcli.data.sizes import fitting_size
from alexcli.data.statistics import Statistics
from alexcli.data.store import is_url
from alexcli.errors import UsageError, plural
from alexcli.model.shapes import active_ops, trace
from alexcli.reporter import Reporter
from alexcli.run.memory import check_images, check_training
from alexcli.schema import Crop, DataSpec, Norm, Op, SceneSpec, Source, TrainSpec

if TYPE_CHECKING:  # data that cannot be opened is refused before torch is imported
    from alexcli.data.transforms import Preprocess
    from alexcli.model.net import Net
    from alexcli.placement.base import Placement

SMALL_CROP = 0.25
"""Share of a stored image below which a crop hardly shows its object; the paper's is 0.79."""
MOST_WORKERS_PER_CORE = 8
"""Loader processes per core; each takes a few hundred megabytes."""

KEYS_OF_FILES = (
    "resize",
    "kernel",
    "val_labels",
    "window",
    "check_chunks",
    "on_error",
    "max_pixels",
    "depth",
)
"""Keys of `data` about how images are read from files."""

SOURCES_OF_FILES = (Source.cifar10, Source.cifar100, Source.imagenette, Source.folder, Source.store)
"""Sources that draw no images; one that a user adds may."""

KEYS_OF_SCENES = (
    "train_count",
    "val_count",
    "test_count",
    "seed",
    *(f"scene.{field.name}" for field in dataclasses.fields(SceneSpec)),
)
"""Keys of `data` about how the embedded images are drawn."""


def build_data(
    spec: TrainSpec,
    reporter: Reporter,
    *,
    overrides: Sequence[str] = (),
    net_classes: Sequence[str] | None = None,
    needs_val: bool = True,
) -> tuple[TrainSpec, Dataset]:
    """Open the images and fit the net's outputs to their classes.

    Args:
        spec: as composed.
        reporter: receives notes about the data.
        overrides: the KEY=VALUE words that the user typed, to tell a number of classes that was
            typed from a default.
        net_classes: the classes of a net that is to be evaluated; `train` may then be missing.
        needs_val: whether the split `val` is needed.

    Returns:
        The configuration with the data's size and number of classes, and the data.

    Raises:
        UsageError: impossible sizes, bad data, `model.classes` that contradicts the data, more
            images than the memory holds, or more loader processes than this machine can use.
    """
    _check_workers(spec)
    if net_classes is None:  # a net is evaluated whatever its run has recorded
        check_read(spec.data)
    spec = _with_absolute_root(spec)
    if spec.model.torchvision is None:
        trace(spec.model)
    check_images(spec)
    dataset = open_dataset(spec.data, reporter, net_classes=net_classes, needs_val=needs_val)
    spec = _with_size(spec, dataset, overrides)
    if spec.model.input.size > spec.data.size:
        build_preprocess(spec, None)  # refuses it, with a hint
    spec = _with_classes(spec, dataset, overrides)
    if dataset.note:
        reporter.note(f"data: {dataset.note}")
    if dataset.skipped:
        reporter.warn(f"data: left out {plural(dataset.skipped, 'file')} that cannot be decoded")
    if net_classes is None:
        _warn_of_small_crops(spec, reporter)
    return spec, dataset


def _warn_of_small_crops(spec: TrainSpec, reporter: Reporter) -> None:
    """Warn if the net would be trained on small parts of large images."""
    side = spec.model.input.size
    share = (side / spec.data.size) ** 2
    if share < SMALL_CROP and spec.augment.crop is not Crop.random_resized:
        reporter.warn(
            f"data: crops of {side} pixels show {share:.1%} of images stored at data.size="
            f"{spec.data.size}; data.size={fitting_size(side)} shows as much as the paper's"
        )


def _check_workers(spec: TrainSpec) -> None:
    """Raise UsageError for more loader processes than this machine can use."""
    cores = os.cpu_count() or 1
    most = MOST_WORKERS_PER_CORE * max(2, cores)
    if spec.data.workers > most:
        raise UsageError(
            f"data.workers={spec.data.workers:,} is more than {plural(cores, 'core')} can use: "
            f"at most {most:,} here",
            hint=f"data.workers={cores}",
        )


def check_read(spec: DataSpec) -> None:
    """Check that every key that is set has an effect: a run would be made anew for nothing.

    Raises:
        UsageError: a key that this source, or this choice of `data.val`, does not read.
    """
    if spec.source is Source.synthetic:
        _check_default(spec, KEYS_OF_FILES, "data=synthetic, which reads no files")
    elif spec.source in SOURCES_OF_FILES:
        reason = f"data={spec.source}, which draws no images"
        advice = f", and choose data={spec.source}, not data.source={spec.source}"
        _check_default(spec, KEYS_OF_SCENES, reason, advice)
    if spec.val in (VAL_OF_THE_DATA, TEST_AS_VAL):
        _check_default(spec, ("split_seed",), f"data.val={spec.val}, which splits nothing off")


def _check_default(spec: DataSpec, keys: Sequence[str], reason: str, advice: str = "") -> None:
    """Raise UsageError for the first of these keys of `data` that differs from its default."""
    defaults = DataSpec()
    for key in keys:
        value_of = operator.attrgetter(key)
        value = value_of(spec)
        if value != value_of(defaults):
            raise UsageError(
                f"data.{key}={as_typed(value)} has no effect with {reason}",
                hint=f"leave data.{key} out{advice}",
            )


def _with_absolute_root(spec: TrainSpec) -> TrainSpec:
    """The configuration with an absolute path of the data, so that a run works from any folder."""
    if spec.data.root is None or is_url(spec.data.root):
        return spec
    root = str(Path(spec.data.root).expanduser().absolute())
    return replace(spec, data=replace(spec.data, root=root))


def _with_size(spec: TrainSpec, dataset: Dataset, overrides: Sequence[str]) -> TrainSpec:
    """The configuration with the size of the stored images, which a store determines."""
    if dataset.size == spec.data.size:
        return spec
    if _is_set("data.size", overrides):
        raise UsageError(
            f"data.size={spec.data.size}, but the store {spec.data.root} holds images of "
            f"{dataset.size} pixels",
            hint="leave data.size out: it is taken from the store",
        )
    return replace(spec, data=replace(spec.data, size=dataset.size))


def _with_classes(spec: TrainSpec, dataset: Dataset, overrides: Sequence[str]) -> TrainSpec:
    """The configuration with the data's number of classes."""
    classes = len(dataset.classes)
    if classes == spec.model.classes:
        return spec
    if _is_set("model.classes", overrides):
        raise UsageError(
            f"model.classes={spec.model.classes}, but the data has {classes:,} classes",
            hint="leave model.classes out: it is taken from the data",
        )
    return replace(spec, model=replace(spec.model, classes=classes))


def _is_set(key: str, overrides: Sequence[str]) -> bool:
    """Whether the user typed a value for a key."""
    return any(override.startswith(f"{key}=") for override in overrides)


def check_build(spec: TrainSpec) -> None:
    """Build net, preprocessing and learning rule without memory for weights.

    Raises:
        UsageError: they do not fit together.
    """
    import torch

    from alexcli.optim.groups import parameter_groups

    with torch.device("meta"):
        net = build_net(spec)
        build_preprocess(spec, None)
    parameter_groups(net.named_parameters(), spec.optim)


def check_batches(spec: TrainSpec, images: int) -> None:
    """Check that the device's memory holds a training, and that its net can take every batch.

    Args:
        spec: the configuration, fitted to the data.
        images: of the training set.

    Raises:
        UsageError: see `check_training` and `check_last_batch`.
    """
    import torch

    from alexcli.run.resolve import resolve_device, uses_bf16

    on_gpu = resolve_device(spec).type == "cuda"
    gpu_bytes = torch.cuda.get_device_properties(0).total_memory if on_gpu else None
    check_training(spec, images, bf16=uses_bf16(spec), gpu_bytes=gpu_bytes)
    check_last_batch(spec, images)


def check_last_batch(spec: TrainSpec, images: int) -> None:
    """Check that no batch has a single image of which batch norm would read single values.

    Args:
        spec: the configuration, fitted to the data.
        images: of the training set.

    Raises:
        UsageError: the last batch of each epoch has one image, and batch norm follows an fc layer
            or acts on maps of one position: such a batch has no variance.
    """
    batch = spec.optim.batch_size
    smallest = images % batch or batch
    if smallest > 1 or not _normalizes_single_values(spec):
        return
    smaller = range(batch - 1, 1, -1)
    larger = range(batch + 1, images + 1)
    fitting = [size for size in (*smaller, *larger) if images % size != 1]
    raise UsageError(
        f"batches of optim.batch_size={batch} leave 1 of {plural(images, 'training image')} for "
        f"the last batch, but batch norm in {spec.model.name} needs several: at this input size "
        "it reads one value of each image",
        hint=f"optim.batch_size={fitting[0]}" if fitting else "take more training images",
    )


def _normalizes_single_values(spec: TrainSpec) -> bool:
    """Whether a batch norm reads one value per channel of each image."""
    model = spec.model
    if model.torchvision is None:
        return model.norm is Norm.batch and any(
            op is Op.norm and outputs == shape.out_channels
            for shape in trace(model)
            for op, outputs in active_ops(model, shape)
        )
    import torch

    with torch.device("meta"):
        net = build_net(spec).train()
        image = torch.empty(1, model.input.channels, model.input.size, model.input.size)
        try:
            net(image)
        except ValueError:  # which batch norm raises before it computes anything
            return True
    return False


def build_net(spec: TrainSpec, placement: "Placement | None" = None) -> "Net":
    """The net with its initial weights; under a placement, the towers that this process holds."""
    if spec.model.torchvision is not None:
        from alexcli.model.torchvision_models import TorchvisionNet

        return TorchvisionNet(spec.model, seed=spec.seed)
    from alexcli.model.towers import Towers

    if placement is None:
        return Towers(spec.model, seed=spec.seed)
    all_towers = list(range(spec.model.towers))
    assert placement.processes > 1 or placement.local_towers == all_towers, "a part of the net"
    return Towers(
        spec.model, local_towers=placement.local_towers, exchange=placement.exchange, seed=spec.seed
    )


def build_placement(spec: TrainSpec) -> "Placement":
    """Build the placement of the towers, and join the other processes of the run.

    Raises:
        UsageError: towers, devices and processes do not fit together.
    """
    from alexcli.placement.plan import open_placement
    from alexcli.run.resolve import resolve_device

    return open_placement(spec.placement, spec.model, spec.optim.batch_size, resolve_device(spec))


def build_preprocess(spec: TrainSpec, statistics: Statistics | None) -> "Preprocess":
    """The transform of stored images to net inputs; missing statistics come from a checkpoint."""
    from alexcli.data.transforms import Preprocess

    return Preprocess(spec.augment, spec.model.input, statistics, spec.data.size)
