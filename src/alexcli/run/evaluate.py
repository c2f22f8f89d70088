"""Evaluating trained nets on a split: one by one, and averaged as an ensemble.

Legend: n images, K classes.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from alexcli.data.dataset import Dataset
from alexcli.data.images import ImageSource
from alexcli.data.open import VAL_OF_THE_DATA
from alexcli.errors import UsageError, plural
from alexcli.malloc import reuse_freed_memory
from alexcli.metrics.calibration import calibration_error
from alexcli.metrics.confusion import per_class_rows
from alexcli.metrics.interval import wilson
from alexcli.placement.base import Placement
from alexcli.placement.plan import ONE_PROCESS_KINDS
from alexcli.records.evaluation import EvalResult, Evaluation, Predictions
from alexcli.reporter import NullReporter, Reporter
from alexcli.run import checkpoint
from alexcli.run.build import build_placement
from alexcli.run.directory import RunDirectory
from alexcli.run.outputs import Outputs
from alexcli.run.predictor import PROTOCOL_VIEWS
from alexcli.run.trained import TrainedModel, check_same_classes, eval_config, load
from alexcli.schema import Source

SAME_DATA = "name the data that all are to be evaluated on: data.root=DIR"


@dataclass(frozen=True)
class EvalInput:
    """A net, and the images that it is evaluated on."""

    trained: TrainedModel
    dataset: Dataset
    split: str
    """`train`, `val` or `test`."""
    images: ImageSource
    """The images of the split."""


class EvalRow(NamedTuple):
    """The evaluation of one net, or of an ensemble, under one protocol."""

    result: EvalResult
    predictions: Predictions


def evaluate(
    checkpoints: Sequence[tuple[RunDirectory, Path]],
    reporter: Reporter,
    split: str,
    protocols: Sequence[str] = ("center",),
    overrides: Sequence[str] = (),
    *,
    per_class: bool = False,
    probabilities: bool = False,
    placement: Placement | None = None,
) -> Evaluation:
    """Evaluate checkpoints one by one and, if there are several, as the averaged ensemble.

    Args:
        checkpoints: one or more, each with its run.
        reporter: receives progress updates.
        split: `train`, `val` or `test`.
        protocols: `center` and `ten` (softmax outputs averaged over ten views, section 4.1). Both
            take one pass and cost as much as `ten`, because the centre is one of the ten views.
        overrides: `data.*`, `eval.*`, `placement.*` and `trainer.*` for this evaluation.
        per_class: whether results hold the error of each class.
        probabilities: whether to keep all softmax outputs.
        placement: where the nets run; None for what `overrides` choose, for each net anew.

    Returns:
        A row for each net and protocol, then one for the ensemble and each protocol.

    Raises:
        UsageError: checkpoints, models and data do not fit together, or nets have other classes
            or images than the first, or other towers in the processes that they share.
        RunFailedError: the device's memory does not hold the forward pass of one image.
    """
    reuse_freed_memory()
    several = len(checkpoints) > 1
    if several:
        _check_classes_agree([path for _, path in checkpoints])
    if placement is None:
        placement = _placement_of_processes([run for run, _ in checkpoints], overrides)
    if placement is not None and not placement.is_main:
        reporter = NullReporter()
    ensemble = Ensemble(started=time.monotonic())
    first: EvalInput | None = None
    rows: list[EvalRow] = []
    for eval_input in _open_inputs(checkpoints, split, overrides, placement, reporter):
        first = first or eval_input
        started = time.monotonic()
        outputs = _run_net(eval_input, protocols, reporter, keep_p=several or probabilities)
        for protocol in protocols:
            row = _row(eval_input, protocol, outputs[protocol], started, keep_p=probabilities)
            rows.append(row)
        if several:
            ensemble.add(eval_input.trained, outputs)
    reporter.close()
    assert first is not None  # there is at least one checkpoint
    if several:
        rows += ensemble.rows(first, keep_p=probabilities)
    if per_class:
        _add_errors_per_class(rows, first.trained)
    return _evaluation(rows, first)


def _evaluation(rows: Sequence[EvalRow], first: EvalInput) -> Evaluation:
    """All rows, with the classes and the images of the first net, which all nets share."""
    return Evaluation(
        results=[row.result for row in rows],
        predictions=[row.predictions for row in rows],
        ids=first.images.names(),
        classes=first.trained.classes,
        names=first.trained.names,
    )


def _open_inputs(
    checkpoints: Sequence[tuple[RunDirectory, Path]],
    split: str,
    overrides: Sequence[str],
    placement: Placement | None,
    reporter: Reporter,
) -> Iterator[EvalInput]:
    """Load one net after another with its images; UsageError unless all have the same images."""
    first: EvalInput | None = None
    for run, path in checkpoints:
        trained = load(run, path, overrides, placement)
        notes = reporter if first is None else NullReporter()  # of the same data, so once
        dataset, images = trained.open_split(split, notes)
        eval_input = EvalInput(trained, dataset, split, images)
        if first is None:
            first = eval_input
        else:
            _check_same_images(first, eval_input)
        yield eval_input


def _placement_of_processes(
    runs: Sequence[RunDirectory], overrides: Sequence[str]
) -> Placement | None:
    """The placement that all nets share, if several processes may hold them; otherwise None.

    Raises:
        UsageError: the nets have different numbers of towers, which the processes cannot share.
    """
    first = eval_config(runs[0], overrides)
    if first.placement.kind in ONE_PROCESS_KINDS:
        return None
    for run in runs[1:]:
        other = eval_config(run, overrides)
        if other.model.towers != first.model.towers:
            raise UsageError(
                f"placement={first.placement.kind.name} divides every net among the same "
                f"processes, but {runs[0].name} has {plural(first.model.towers, 'tower')} and "
                f"{run.name} {other.model.towers}",
                hint="placement=single, or evaluate one at a time",
            )
    return build_placement(first)


def _run_net(
    eval_input: EvalInput, protocols: Sequence[str], reporter: Reporter, *, keep_p: bool
) -> dict[str, Outputs]:
    """The outputs of a net under each protocol, from one pass over the images.

    Args:
        eval_input: the net and the images.
        protocols: keys of PROTOCOL_VIEWS.
        reporter: receives progress updates.
        keep_p: whether to keep all softmax outputs.
    """
    trained = eval_input.trained
    placement = trained.placement
    count = len(eval_input.images)
    views = PROTOCOL_VIEWS["ten" if "ten" in protocols else "center"]
    views_of = {
        protocol: [views.index(view) for view in PROTOCOL_VIEWS[protocol]] for protocol in protocols
    }
    outputs = {
        protocol: Outputs.zeros(count, len(trained.classes), placement.device, keep_p=keep_p)
        for protocol in protocols
    }
    predictor = trained.predictor(reporter)
    seen = 0
    for batch in trained.batches(eval_input.images):
        if not len(batch.labels):  # a replica's share of a small last batch
            continue
        p_of_views = predictor(batch.images, views)  # (V, N, K)
        for protocol in protocols:
            p = p_of_views[views_of[protocol]].mean(0)
            batch_outputs = Outputs.from_softmax(p, batch.labels, keep_p=keep_p)
            outputs[protocol].put(batch.indices, batch_outputs)
        seen += len(batch.labels) * placement.replicas
        reporter.progress(f"evaluating {trained.name}", min(seen, count), count)
    return {protocol: part.gathered(placement) for protocol, part in outputs.items()}


def _row(
    eval_input: EvalInput, protocol: str, outputs: Outputs, started: float, *, keep_p: bool
) -> EvalRow:
    """The row of a net under a protocol.

    Args:
        eval_input: the net and the images.
        protocol: a key of PROTOCOL_VIEWS.
        outputs: of all images, on the CPU.
        started: when the work on this row began, by time.monotonic.
        keep_p: whether the predictions hold all softmax outputs.
    """
    trained = eval_input.trained
    dataset = eval_input.dataset
    labels = eval_input.images.labels
    n = len(labels)
    hits = outputs.top == torch.from_numpy(labels)[:, None]
    top1_err = (n - int(hits[:, 0].sum())) / n
    top5_err = (n - int(hits.sum())) / n if len(trained.classes) > 5 else None
    result = EvalResult(
        name=trained.name,
        split=eval_input.split,
        protocol={
            "resize": dataset.resize,
            "crop": trained.spec.model.input.size,
            "views": len(PROTOCOL_VIEWS[protocol]),
        },
        n=n,
        top1_err=top1_err,
        top5_err=top5_err,
        loss=float(outputs.loss.double().mean()),
        interval={
            "top1_err": wilson(top1_err, n),
            "top5_err": None if top5_err is None else wilson(top5_err, n),
        },
        checkpoint=str(trained.path),
        data=dataset.fingerprint,
        seconds=round(time.monotonic() - started, 3),
        note=dataset.note,
        calibration_error=calibration_error(outputs.top, outputs.top_p, labels),
    )
    predictions = Predictions(
        labels=labels,
        top=outputs.top.numpy(),
        top_p=outputs.top_p.numpy(),
        probabilities=outputs.p.numpy() if keep_p and outputs.p is not None else None,
    )
    return EvalRow(result, predictions)


@dataclass
class Ensemble:
    """Nets whose softmax outputs are averaged; they have the same classes and images."""

    started: float
    """When the evaluation began, by time.monotonic."""
    members: list[str] = field(default_factory=list)
    """Names of the nets."""
    crops: set[int] = field(default_factory=set)
    """Sides of their inputs, pixels."""
    p_sums: dict[str, Tensor] = field(default_factory=dict)
    """Sum of the nets' softmax outputs, (n, K) float32, by protocol."""

    def add(self, trained: TrainedModel, outputs: Mapping[str, Outputs]) -> None:
        """Add a net.

        Args:
            trained: the net.
            outputs: its outputs by protocol, with all probabilities.
        """
        self.members.append(trained.name)
        self.crops.add(trained.spec.model.input.size)
        for protocol, part in outputs.items():
            assert part.p is not None
            earlier = self.p_sums.get(protocol)
            self.p_sums[protocol] = part.p if earlier is None else earlier + part.p

    def rows(self, first: EvalInput, *, keep_p: bool) -> list[EvalRow]:
        """A row for each protocol.

        Args:
            first: the first net and its images, which represent those of all nets.
            keep_p: whether the predictions hold all softmax outputs.
        """
        return [self._row(first, protocol, keep_p=keep_p) for protocol in self.p_sums]

    def _row(self, first: EvalInput, protocol: str, *, keep_p: bool) -> EvalRow:
        p = self.p_sums[protocol] / len(self.members)
        outputs = Outputs.from_softmax(p, torch.from_numpy(first.images.labels), keep_p=keep_p)
        row = _row(first, protocol, outputs, self.started, keep_p=keep_p)
        crops = sorted(self.crops)
        result = replace(
            row.result,
            name=f"ensemble of {len(self.members)}",
            checkpoint="",
            members=self.members,
            protocol={**row.result.protocol, "crop": crops[0] if len(crops) == 1 else crops},
        )
        return EvalRow(result, row.predictions)


def _add_errors_per_class(rows: Sequence[EvalRow], trained: TrainedModel) -> None:
    """Fill in `per_class` of every row, with the classes and names of a net."""
    for row in rows:
        row.result.per_class = per_class_rows(row.predictions, trained.classes, trained.names)


def _check_classes_agree(paths: Sequence[Path]) -> None:
    """Raise UsageError unless all nets have the classes of the first, before any is evaluated."""
    # Mapped into memory: only the names are read now; the weights follow when a net is evaluated.
    classes_of = {path: checkpoint.read(path, mmap=True)["alexcli"]["classes"] for path in paths}
    for path, classes in classes_of.items():
        check_same_classes(
            paths[0],
            classes_of[paths[0]],
            f"{path} on",
            classes,
            hint="name runs that were trained on the same classes, or evaluate one at a time",
        )


def _check_same_images(first: EvalInput, other: EvalInput) -> None:
    """Raise UsageError unless two nets are evaluated on the same images, which may be resized."""
    if first.dataset.fingerprint == other.dataset.fingerprint:
        _check_same_number(first, other)
        return
    names = first.images.names()
    # Synthetic images have only positions as names, which do not tell them apart.
    are_files = not names[0].isdigit()
    same_names = names == other.images.names()
    same_labels = first.images.labels.tolist() == other.images.labels.tolist()
    if are_files and same_names and same_labels:
        return
    hint = SAME_DATA
    data = [net.trained.spec.data for net in (first, other)]
    fractions = {spec.val for spec in data} - {VAL_OF_THE_DATA}
    if data[0].root == data[1].root and data[0].val != data[1].val and len(fractions) == 1:
        # One was trained on these images, and evaluates those that it held out.
        hint = f"data.val={fractions.pop()} takes the same images for all"
    raise UsageError(
        f"{first.trained.path} and {other.trained.path} were trained for other images "
        f"({first.dataset.fingerprint} and {other.dataset.fingerprint}), so they cannot be "
        "averaged",
        hint=hint,
    )


def _check_same_number(first: EvalInput, other: EvalInput) -> None:
    """Raise UsageError for another number of images: the fingerprint leaves that of `test` out."""
    counts = (len(first.images), len(other.images))
    if counts[0] == counts[1]:
        return
    is_drawn = first.trained.spec.data.source is Source.synthetic
    raise UsageError(
        f"{first.trained.path} would be evaluated on {counts[0]:,} images of {first.split} and "
        f"{other.trained.path} on {counts[1]:,}, so they cannot be averaged",
        hint=f"data.test_count={min(counts)} takes the same for all" if is_drawn else SAME_DATA,
    )
