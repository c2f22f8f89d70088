"""A trained net with its preprocessing, read from a run, and its softmax outputs.

Legend: N pictures, V views, K classes.
"""

import glob
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from alexcli.config import override_run
from alexcli.data.dataset import Dataset, training_statistics
from alexcli.data.names import human_names
from alexcli.data.pictures import Pictures
from alexcli.data.transforms import Batch, Preprocess, View
from alexcli.errors import RunFailedError, UsageError
from alexcli.lit.datamodule import DataModule
from alexcli.model.towers import Towers
from alexcli.placement.single import Single
from alexcli.results import Reporter
from alexcli.run import checkpoint
from alexcli.run.build import build_data, build_net, build_placement, build_preprocess, is_narrow
from alexcli.run.rundir import RunDirectory, locate, newest
from alexcli.schema import DropoutSpec, PlacementSpec, TrainSpec


@dataclass
class Scorer:
    """A net that is asked for the softmax outputs of views of pictures, in passes that fit in
    memory."""

    net: Towers
    """In evaluation mode, on the device of `preprocess`."""
    preprocess: Preprocess
    bf16: bool
    """Whether products run in bfloat16."""
    limit: int
    """Net inputs in one forward pass; halved whenever the device's memory does not suffice."""
    reporter: Reporter
    """Told when that happens."""

    def __call__(self, images: Tensor, views: Sequence[View]) -> Tensor:
        """Softmax outputs of every view of every picture.

        Args:
            images: (N, S, S, 3) uint8, on the net's device.
            views: which crops.

        Returns:
            (V, N, K) float32.

        Raises:
            RunFailedError: not even one input fits in memory.
        """
        total, parts, start = len(views) * len(images), [], 0
        while start < total:
            count = min(self.limit, total - start)
            try:
                parts.append(self._pass(images, views, start, start + count))
                start += count
                continue
            except torch.OutOfMemoryError as error:
                if count == 1:
                    raise RunFailedError.of("eval.memory") from error
            # Outside of `except`, whose traceback would keep the failed pass's tensors alive.
            self.limit = count // 2
            torch.cuda.empty_cache()
            self.reporter.warn(
                f"out of memory with {count} inputs; going on with eval.max_batch={self.limit}"
            )
        return torch.cat(parts).view(len(views), len(images), -1)

    @torch.inference_mode()
    def _pass(self, images: Tensor, views: Sequence[View], start: int, stop: int) -> Tensor:
        """Inputs `start` to `stop` of all views, one view after the other; (stop - start, K)."""
        device = images.device.type
        inputs, n = [], len(images)
        for number in range(start // n, (stop - 1) // n + 1):  # views lie end to end
            rows = images[max(start - number * n, 0) : stop - number * n]
            inputs.append(self.preprocess.view(rows, views[number]))
        x = inputs[0] if len(inputs) == 1 else torch.cat(inputs)
        with torch.autocast(device, torch.bfloat16, enabled=self.bf16):
            scores = self.net(x)
        return torch.softmax(scores.float(), dim=1)


@dataclass
class Trained:
    """One checkpoint, ready to be asked."""

    name: str
    """label/directory, and the checkpoint's name where it is not `last`."""
    path: Path
    spec: TrainSpec
    classes: list[str]
    """Names in the order of the outputs, as the data has them (WNIDs of ImageNet)."""
    names: list[str]
    """Words for people, in the same order."""
    net: Towers
    preprocess: Preprocess
    placement: Single

    def scorer(self, reporter: Reporter) -> Scorer:
        """What turns pictures into softmax outputs."""
        limit = self.spec.eval.max_batch
        return Scorer(self.net, self.preprocess, is_narrow(self.spec), limit, reporter)

    def batches(self, dataset: Dataset, pictures: Pictures) -> Iterator[Batch]:
        """This replica's share of the pictures of a split, in order, on the placement's device."""
        yield from DataModule(self.spec, dataset, self.placement).in_order(pictures)

    def data(self, reporter: Reporter) -> Dataset:
        """The data that its configuration names; UsageError unless that has the net's classes."""
        dataset = build_data(self.spec, reporter)[1]
        hint = "name the data that the net was trained on: data.root=DIR"
        same_classes(self.path, self.classes, "the data has", dataset.classes, hint)
        return dataset


def same_classes(path: Path, classes: list[str], other: str, others: list[str], hint: str) -> None:
    """UsageError unless a checkpoint and something else have the same classes."""
    if classes != others:
        found = sorted(set(classes) ^ set(others))[:5]
        differ = f"they differ in {', '.join(found)}" if found else "they come in another order"
        known: dict[str, Any] = {"path": path, "classes": classes, "other": other, "others": others}
        raise UsageError.of("eval.classes", differ=differ, hint=hint, **known)


def fresh(spec: TrainSpec, reporter: Reporter) -> Trained:
    """The net with which `train` would begin, without dropout."""
    spec, data = build_data(replace(spec, placement=PlacementSpec()), reporter)
    spec = replace(spec, model=replace(spec.model, dropout=DropoutSpec(rate=0)))
    placement, net = build_placement(spec), build_net(spec).eval()
    preprocess = build_preprocess(spec, training_statistics(data)).to(placement.device)
    placement.place(net)
    names, label = human_names(data.classes), f"{spec.label or spec.model.name}, seed {spec.seed}"
    return Trained(label, Path(), spec, data.classes, names, net, preprocess, placement)


def placed_spec(run: RunDirectory, overrides: Sequence[str]) -> TrainSpec:
    """A run's configuration for an evaluation, on one device unless the overrides say otherwise."""
    spec = run.read_config()
    # A run of a stranger may not start a download here; who wants one types data.download=true.
    spec = replace(spec, data=replace(spec.data, download=False), placement=PlacementSpec())
    return override_run(spec, overrides)


def load(
    run: RunDirectory, path: Path, overrides: Sequence[str] = (), placement: Single | None = None
) -> Trained:
    """Read a checkpoint and put its net where it is to work.

    Args:
        run: where its configuration is.
        path: the checkpoint.
        overrides: `data.*`, `eval.*`, `placement.*` and `trainer.*`.
        placement: where; None builds the one that the configuration names.

    Raises:
        UsageError: checkpoint and configuration do not fit together, or are not ours.
    """
    loaded = checkpoint.read(path)
    spec = placed_spec(run, overrides)
    placement = placement or build_placement(spec)
    if placement.processes > 1:  # the digest reads every weight
        placement.agree({"checkpoint": checkpoint.weights_digest(loaded["state_dict"])})
    classes = list(map(str, loaded["alexcli"]["classes"]))
    spec = replace(spec, model=replace(spec.model, classes=len(classes)))
    net, preprocess = build_net(spec, placement), build_preprocess(spec, None)
    module = torch.nn.ModuleDict({"net": net, "preprocess": preprocess})
    checkpoint.load_weights(module, net.without_others(loaded["state_dict"], "net."), path)
    placement.place(net)
    preprocess.to(placement.device)
    module.eval()
    name = RunDirectory(run.path.resolve()).name
    name = name if path.name == "last.ckpt" else f"{name}/{path.stem}"
    return Trained(name, path, spec, classes, run.names(classes), net, preprocess, placement)


def choose(
    named: Sequence[str], runs: Path, kinds: Sequence[str] = ("train",)
) -> list[tuple[RunDirectory, Path]]:
    """The checkpoints that words mean, each once: paths, wildcards (quoted ones too), or none for
    the newest finished run of the given kinds.

    Raises:
        UsageError: a word that means no run.
    """
    if not named:
        run = newest(runs, kinds)
        return [(run, run.last)]
    found = [locate(path) for word in named for path in _expanded(word)]
    return list({path.resolve(): (run, path) for run, path in found}.values())


def _expanded(word: str) -> list[str]:
    """The runs and checkpoints that a wildcard matches; runs that were put aside are not meant."""
    if not glob.has_magic(word) or Path(word).exists():
        return [word]
    matched = [Path(p) for p in sorted(glob.glob(str(Path(word).expanduser())))]  # noqa: PTH207
    trained = [p for p in matched if p.suffix == ".ckpt" or RunDirectory(p).last.exists()]
    kept = [str(p) for p in trained if "~" not in p.name]
    if not kept:
        raise UsageError.of("run.no_match", word=word)
    return kept
