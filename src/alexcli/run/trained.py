"""Nets that are ready for evaluation: from a checkpoint, or with their initial weights."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from alexcli import run_files
from alexcli.data.cached_statistics import training_statistics
from alexcli.data.dataset import Dataset
from alexcli.data.file_names import normal_form
from alexcli.data.images import ImageSource, with_labels
from alexcli.data.loader import ordered_loader
from alexcli.data.names import human_names
from alexcli.data.transforms import Batch, Preprocess
from alexcli.errors import UsageError, plural
from alexcli.model.net import Net
from alexcli.placement.base import Placement
from alexcli.reporter import Reporter
from alexcli.run import checkpoint
from alexcli.run.build import build_data, build_net, build_placement, build_preprocess
from alexcli.run.directory import RunDirectory
from alexcli.run.memory import check_evaluation
from alexcli.run.other_data import with_val_of_other_data
from alexcli.run.predictor import Predictor
from alexcli.run.resolve import uses_bf16
from alexcli.run.start import copy_initial_weights
from alexcli.schema import DropoutSpec, PlacementSpec, TrainSpec

DIFFERENCES_SHOWN = 5
"""Class names that an error about other classes lists."""


@dataclass
class TrainedModel:
    """A net in evaluation mode, its placement, and what belongs to it."""

    name: str
    """LABEL/DIRECTORY of the run, followed by the checkpoint's name unless that is `last`."""
    path: Path
    """The checkpoint."""
    spec: TrainSpec
    classes: list[str]
    """Names in the order of the outputs, as the data has them (WNIDs of ImageNet)."""
    names: list[str]
    """Readable names of the classes, in the same order."""
    net: Net
    preprocess: Preprocess
    placement: Placement

    def predictor(self, reporter: Reporter) -> Predictor:
        """A predictor with this net.

        Args:
            reporter: receives a warning if the device's memory does not suffice.
        """
        return Predictor(
            self.net,
            self.preprocess,
            bf16=uses_bf16(self.spec),
            limit=self.spec.eval.max_batch,
            reporter=reporter,
        )

    def batches(self, images: ImageSource) -> Iterator[Batch]:
        """This replica's share of all images of a split, in order, on the placement's device."""
        yield from ordered_loader(
            images,
            batch_size=self.spec.eval.batch_size,
            share=self.placement.share,
            workers=self.spec.data.workers,
            device=self.placement.device,
        )

    def open_data(self, reporter: Reporter, split: str = "val") -> Dataset:
        """The data set that the configuration names, with its own classes and labels.

        These may differ from the net's; `train` may be missing, and is then empty.

        Args:
            reporter: receives notes on the data.
            split: the one that is needed.

        Raises:
            UsageError: bad data.
        """
        _, dataset = build_data(
            self.spec, reporter, net_classes=self.classes, needs_val=split == "val"
        )
        net_classes = {normal_form(name) for name in self.classes}
        others = [name for name in dataset.classes if normal_form(name) not in net_classes]
        if others:
            reporter.note(
                f"data: {plural(len(others), 'class')} of {len(dataset.classes):,} that the net "
                f"does not know: {_first(others)}"
            )
        return dataset

    def names_of(self, classes: Sequence[str]) -> list[str]:
        """Readable names of classes of any data, from the net for those that it has."""
        pairs = zip(self.classes, self.names, strict=True)
        name_of = {normal_form(class_): name for class_, name in pairs}
        human = human_names(classes)
        return [name_of.get(normal_form(c), name) for c, name in zip(classes, human, strict=True)]

    def reading_up_to(self, pixels: int) -> "TrainedModel":
        """The same net, which reads image files of at most so many pixels."""
        data = replace(self.spec.data, max_pixels=pixels)
        return replace(self, spec=replace(self.spec, data=data))

    def open_split(self, split: str, reporter: Reporter) -> tuple[Dataset, ImageSource]:
        """The data set that the configuration names, and the images of a split.

        Only the split itself is needed, and it may have only some of the net's classes; the images'
        labels are positions in the net's classes.

        Args:
            split: `train`, `val` or `test`.
            reporter: receives notes on the data.

        Raises:
            UsageError: bad data, no such split, or images of classes that the net does not know.
        """
        _, dataset = build_data(
            self.spec, reporter, net_classes=self.classes, needs_val=split == "val"
        )
        images = dataset.split(split)
        images, note = by_net_classes(dataset, images, self.path, self.classes)
        if note:
            reporter.note(f"data: {note}")
            dataset = replace(dataset, note=f"{dataset.note}; {note}" if dataset.note else note)
        _check_memory(self.spec, len(images), self.placement)
        return dataset, images


def _check_memory(spec: TrainSpec, images: int, placement: Placement) -> None:
    """Raise UsageError unless the net and a pass over some of the images fit in memory."""
    check_evaluation(
        spec,
        images,
        local_towers=len(placement.local_towers),
        bf16=uses_bf16(spec),
        on_gpu=placement.device.type != "cpu",
    )


def by_net_classes(
    dataset: Dataset, images: ImageSource, path: Path, net_classes: Sequence[str]
) -> tuple[ImageSource, str | None]:
    """Images of a split with the labels that a net gives to their classes, found by name.

    Args:
        dataset: the data, which may have some of the net's classes only, or another order of them.
        images: those of one of its splits.
        path: the checkpoint, for messages.
        net_classes: names in the order of the net's outputs.

    Returns:
        The images, and what a reader of the result must know, if anything.

    Raises:
        UsageError: there are images of a class that the net does not know.
    """
    if dataset.classes == list(net_classes):
        return images, None
    position_of = {normal_form(name): index for index, name in enumerate(net_classes)}
    positions = np.array([position_of.get(normal_form(name), -1) for name in dataset.classes])
    present = np.unique(images.labels)
    unknown = [dataset.classes[label] for label in present if positions[label] < 0]
    if unknown:
        raise UsageError(
            f"{path} was trained on {plural(len(net_classes), 'class')}, and the data has images "
            f"of {plural(len(unknown), 'class')} that it does not know: {_first(unknown)}",
            hint="name data whose classes it knows: data.root=DIR",
        )
    note = (
        f"labels by class name: the images show {len(present):,} of the net's "
        f"{plural(len(net_classes), 'class')}, all of which it may predict"
    )
    return with_labels(images, positions[images.labels]), note


def _first(names: Sequence[str]) -> str:
    """The first of many names."""
    return ", ".join([*names[:DIFFERENCES_SHOWN], *(["..."] if names[DIFFERENCES_SHOWN:] else [])])


def check_same_classes(
    path: Path, classes: Sequence[str], other: str, other_classes: Sequence[str], *, hint: str
) -> None:
    """Check that a checkpoint and something else have the same classes in the same order.

    Args:
        path: the checkpoint.
        classes: its classes.
        other: what is compared with it, and a verb, such as "the data has".
        other_classes: the classes of that.
        hint: what to type instead.

    Raises:
        UsageError: they differ.
    """
    if list(classes) == list(other_classes):
        return
    difference = "they come in another order"
    in_one_only = sorted(set(classes) ^ set(other_classes))
    if in_one_only:
        difference = f"they differ in {', '.join(in_one_only[:DIFFERENCES_SHOWN])}"
    raise UsageError(
        f"{path} was trained on {plural(len(classes), 'class')} "
        f"and {other} {len(other_classes):,}; {difference}",
        hint=hint,
    )


def untrained(spec: TrainSpec, reporter: Reporter) -> TrainedModel:
    """The net with which `train` would begin, without dropout, on one device.

    Args:
        spec: the configuration.
        reporter: receives notes on the data.

    Raises:
        UsageError: impossible sizes, bad data, or weights to start from that do not fit.
    """
    spec, dataset = build_data(replace(spec, placement=PlacementSpec()), reporter)
    spec = replace(spec, model=replace(spec.model, dropout=DropoutSpec(rate=0)))
    placement = build_placement(spec)
    net = build_net(spec).eval()
    copy_initial_weights(net, spec, reporter)
    preprocess = build_preprocess(spec, training_statistics(dataset)).to(placement.device)
    placement.place(net)
    return TrainedModel(
        name=f"{spec.label or spec.model.name}, seed {spec.seed}",
        path=Path(),
        spec=spec,
        classes=dataset.classes,
        names=human_names(dataset.classes),
        net=net,
        preprocess=preprocess,
        placement=placement,
    )


def eval_config(run: RunDirectory, overrides: Sequence[str]) -> TrainSpec:
    """A run's configuration for an evaluation, on one device unless the overrides choose others.

    Args:
        run: the run.
        overrides: `data.*`, `eval.*`, `placement.*` and `trainer.*`.

    Raises:
        UsageError: the configuration cannot be read, or an override would change the net.
    """
    spec = run.read_config()
    # Somebody else's run must not start a download here; the override data.download=true may.
    spec = replace(spec, data=replace(spec.data, download=False), placement=PlacementSpec())
    if not overrides:
        return spec
    from alexcli.config.evaluation import override_run  # imports Hydra

    return override_run(spec, overrides)


def load(
    run: RunDirectory, path: Path, overrides: Sequence[str] = (), placement: Placement | None = None
) -> TrainedModel:
    """Read a checkpoint and place its net where it is to run.

    Args:
        run: the run, which has the configuration.
        path: the checkpoint.
        overrides: `data.*`, `eval.*`, `placement.*` and `trainer.*`.
        placement: where the net is to run; None builds the placement that the configuration names.

    Raises:
        UsageError: checkpoint and configuration do not fit together, or are not from alexcli.
    """
    content = checkpoint.read(path)
    spec = with_val_of_other_data(eval_config(run, overrides), run, overrides)
    if placement is None:
        placement = build_placement(spec)
    if placement.processes > 1:  # not for one process, because the digest reads every weight
        digest = checkpoint.weights_digest(content["state_dict"])
        placement.check_consistent({"checkpoint": digest})
    classes = [str(name) for name in content["alexcli"]["classes"]]
    spec = replace(spec, model=replace(spec.model, classes=len(classes)))
    _check_memory(spec, 1, placement)
    net = build_net(spec, placement)
    preprocess = build_preprocess(spec, None)
    module = torch.nn.ModuleDict({"net": net, "preprocess": preprocess})
    state = net.drop_other_towers(content["state_dict"], prefix="net.")
    checkpoint.load_weights(module, state, path)
    placement.place(net)
    preprocess.to(placement.device)
    module.eval()
    return TrainedModel(
        name=_name(run, path),
        path=path,
        spec=spec,
        classes=classes,
        names=run.class_names(classes),
        net=net,
        preprocess=preprocess,
        placement=placement,
    )


def _name(run: RunDirectory, path: Path) -> str:
    """The name of a checkpoint's net in tables."""
    name = RunDirectory(run.path.resolve()).name
    return name if path.name == run_files.LAST else f"{name}/{path.stem}"
