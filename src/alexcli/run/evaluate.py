"""Evaluating trained nets and their averaged ensemble: centre crop, ten crops, any placement."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from alexcli.data.dataset import Dataset
from alexcli.data.pictures import Pictures
from alexcli.data.transforms import CENTER, TEN_CROPS, Batch
from alexcli.errors import UsageError
from alexcli.lit.datamodule import DataModule
from alexcli.memory import reuse_memory
from alexcli.metrics import Errors, calibration_error
from alexcli.placement.single import Single
from alexcli.results import EvalResult, Evaluation, Interval, Predictions, Reporter, Silent
from alexcli.run import checkpoint
from alexcli.run.build import build_data, build_placement
from alexcli.run.predictions import per_class
from alexcli.run.rundir import RunDirectory
from alexcli.run.trained import Trained, load, placed_spec

PROTOCOLS = {"center": (CENTER,), "ten": TEN_CROPS}
CHUNK = 4096  # pictures of an ensemble that are counted at once


class Tally:
    """Gathers what is said under one protocol, picture after picture.

    Args:
        classes: number of classes K.
        pictures: number of pictures n.
        device: of the probabilities that will come.
        keep: whether to keep the probabilities.
    """

    def __init__(self, classes: int, pictures: int, device: torch.device, *, keep: bool) -> None:
        self.errors = Errors(classes).to(device)
        best = min(5, classes)
        self.top = torch.zeros(pictures, best, dtype=torch.int64, device=device)
        self.top_p = torch.zeros(pictures, best, device=device)
        self.probabilities = torch.zeros(pictures, classes) if keep else None

    def add(self, p: Tensor, labels: Tensor, rows: Tensor) -> None:
        """p (N, K), softmax outputs averaged over views and nets; labels (N,); rows (N,) of all."""
        # The clamp keeps the loss of a vanished class finite.
        self.errors.update(p.clamp_min(1e-30).log(), labels)
        found = p.topk(self.top.shape[1], dim=1)
        self.top[rows], self.top_p[rows] = found.indices, found.values
        if self.probabilities is not None:
            self.probabilities[rows.cpu()] = p.cpu()

    def gather(self, placement: Single) -> None:
        """Add what other replicas saw: each has filled rows of its own and left the others nought.

        With a GPU per process the kept probabilities travel by way of it.
        """
        if placement.replicas == 1:
            return
        self.errors = self.errors.over(placement.total)
        self.top, self.top_p = placement.total(self.top), placement.total(self.top_p)
        if self.probabilities is not None:
            self.probabilities = placement.total(self.probabilities.to(self.top.device)).cpu()


def evaluate(
    chosen: Sequence[tuple[RunDirectory, Path]],
    reporter: Reporter,
    *,
    split: str,
    protocols: Sequence[str] = ("center",),
    overrides: Sequence[str] = (),
    classes: bool = False,
    probabilities: bool = False,
) -> Evaluation:
    """Evaluate checkpoints one by one and, where there are several, as the averaged ensemble.

    Args:
        chosen: runs and checkpoints of theirs.
        reporter: told how it goes.
        split: `val` or `test`.
        protocols: `center` and `ten` (softmax outputs averaged over ten views, section 4.1), both
            from one decoding and, since the centre is one of the ten, for the cost of ten.
        overrides: `data.*`, `eval.*`, `placement.*` and `trainer.*` for this evaluation.
        classes: whether results hold errors per class.
        probabilities: whether to keep all softmax outputs.

    Returns:
        A row for each net and protocol, then one for the ensemble and each protocol.

    Raises:
        UsageError: checkpoints, models and data do not fit together, or nets have other classes
            or pictures than the first.
    """
    reuse_memory()
    _same_nets([path for _, path in chosen])
    placement = build_placement(placed_spec(chosen[0][0], overrides))
    reporter = reporter if placement.root else Silent()
    done, keep = Evaluation([], [], [], []), len(chosen) > 1 or probabilities
    sums: dict[str, Tensor] = {}
    first: _Opened | None = None
    began = time.monotonic()
    for run, path in chosen:
        speaker = reporter if first is None else Silent()
        opened = _open(load(run, path, overrides, placement), split, speaker)
        first = first or opened
        _same_pictures(first, opened)
        started = time.monotonic()
        for protocol, tally in _passes(opened, protocols, reporter, keep=keep).items():
            _add(done, tally, protocol, opened, probabilities, seconds=_since(started))
            if len(chosen) > 1 and tally.probabilities is not None:
                sums[protocol] = sums.get(protocol, 0) + tally.probabilities
    assert first is not None
    done.classes, done.names = first.trained.classes, first.trained.names
    if sums:
        _ensemble(done, sums, first, probabilities, began)
    if classes:
        for result, said in zip(done.results, done.predictions, strict=True):
            result.per_class = per_class(said, done.classes, done.names)
    reporter.close()
    return done


def _ensemble(
    done: Evaluation, sums: dict[str, Tensor], first: "_Opened", probabilities: bool, began: float
) -> None:
    """Append the rows of the averaged softmax outputs, which are `sums` by protocol."""
    members = [result.name for result in done.results[:: len(sums)]]
    crops = sorted({result.protocol["crop"] for result in done.results})
    changed = {"name": f"ensemble of {len(members)}", "checkpoint": "", "members": members}
    labels = torch.from_numpy(first.pictures.labels)
    seconds = _since(began)
    for protocol, total in sums.items():
        tally = Tally(len(done.classes), len(labels), torch.device("cpu"), keep=probabilities)
        for rows in torch.split(torch.arange(len(labels)), CHUNK):
            tally.add(total[rows] / len(members), labels[rows], rows)
        _add(done, tally, protocol, first, probabilities, seconds=seconds, **changed)
        done.results[-1].protocol["crop"] = crops[0] if len(crops) == 1 else crops


@dataclass
class _Opened:
    """A net and the pictures that it is asked about."""

    trained: Trained
    dataset: Dataset
    split: str
    pictures: Pictures
    ids: list[str]


def _open(trained: Trained, split: str, reporter: Reporter) -> _Opened:
    spec, dataset = build_data(trained.spec, reporter)
    same_classes(trained, dataset)
    pictures = {"val": dataset.val, "test": dataset.test}[split]
    if pictures is None:
        raise UsageError.of("eval.no_test")
    trained = replace(trained, spec=spec)
    return _Opened(trained, dataset, split, pictures, pictures.names())


def _passes(
    opened: _Opened, protocols: Sequence[str], reporter: Reporter, *, keep: bool
) -> dict[str, Tally]:
    """One pass over the pictures under all protocols."""
    trained, pictures, placement = opened.trained, opened.pictures, opened.trained.placement
    scorer, device, count = trained.scorer(reporter), placement.device, len(pictures)
    views = PROTOCOLS["ten" if "ten" in protocols else "center"]
    tallies = {name: Tally(len(trained.classes), count, device, keep=keep) for name in protocols}
    seen = 0
    for batch in DataModule(trained.spec, opened.dataset, placement.share).in_order(pictures):
        if isinstance(batch, Exception):
            raise batch
        moved = Batch(*(part.to(device) for part in batch))
        found = scorer(moved.images, views)  # (V, N, K)
        for name, tally in tallies.items():
            wanted = [views.index(view) for view in PROTOCOLS[name]]
            tally.add(found[wanted].mean(0), moved.labels, moved.indices)
        seen += len(moved.labels) * placement.replicas
        reporter.counted(f"evaluating {trained.name}", min(seen, count), count)
    for tally in tallies.values():
        tally.gather(placement)
    return tallies


def _add(
    done: Evaluation,
    tally: Tally,
    protocol: str,
    opened: _Opened,
    probabilities: bool,
    **changed: Any,
) -> None:
    """Append what was gathered under one protocol to the rows."""
    trained, data, n = opened.trained, opened.dataset, tally.errors.count()
    errors: dict[str, Any] = tally.errors.compute()
    result = EvalResult(
        name=trained.name,
        split=opened.split,
        protocol={
            "resize": data.resize,
            "crop": trained.spec.model.input.size,
            "views": len(PROTOCOLS[protocol]),
        },
        n=n,
        **errors,
        interval={
            name: None if errors[name] is None else wilson(errors[name], n)
            for name in ("top1_err", "top5_err")
        },
        checkpoint=str(trained.path),
        data=data.fingerprint,
        note=data.note,
        calibration_error=calibration_error(tally.top, tally.top_p, opened.pictures.labels),
    )
    done.results.append(replace(result, **changed))
    top, top_p = tally.top.cpu().numpy(), tally.top_p.cpu().numpy()
    kept = None if not probabilities or tally.probabilities is None else tally.probabilities.numpy()
    done.predictions.append(Predictions(opened.ids, opened.pictures.labels, top, top_p, kept))


def _since(began: float) -> float:
    return round(time.monotonic() - began, 3)


def wilson(error: float, n: int, level: float = 0.95) -> Interval:
    """Wilson's score interval of a fraction of n."""
    from scipy.stats import binomtest

    found = binomtest(round(error * n), n).proportion_ci(level, method="wilson")
    return Interval(level, float(found.low), float(found.high))


def _same_nets(paths: Sequence[Path]) -> None:
    """UsageError, before anything is evaluated, unless all nets know the same classes."""
    if len(paths) > 1:
        # Mapped: only the names are read now, and the weights once, when a net's turn has come.
        known = [checkpoint.read(path, mmap=True)["alexcli"]["classes"] for path in paths]
        hint = "name runs that were trained on the same classes, or evaluate one at a time"
        for path, classes in zip(paths, known, strict=True):
            _same_classes(paths[0], known[0], f"{path} on", classes, hint)


def same_classes(trained: Trained, dataset: Dataset) -> None:
    """UsageError unless a net knows the classes of the data."""
    hint = "name the data that the net was trained on: data.root=DIR"
    _same_classes(trained.path, trained.classes, "the data has", dataset.classes, hint)


def _same_classes(path: Path, classes: list[str], other: str, others: list[str], hint: str) -> None:
    if classes != others:
        found = sorted(set(classes) ^ set(others))[:5]
        differ = f"they differ in {', '.join(found)}" if found else "they come in another order"
        known: dict[str, Any] = {"path": path, "classes": classes, "other": other, "others": others}
        raise UsageError.of("eval.classes", differ=differ, hint=hint, **known)


def _same_pictures(a: _Opened, b: _Opened) -> None:
    """UsageError unless two nets are asked about the same pictures, though perhaps resized."""
    if a.dataset.fingerprint == b.dataset.fingerprint:
        return
    files = not a.ids[0].isdigit()  # drawn pictures have positions only, which prove nothing
    if not files or a.ids != b.ids or a.pictures.labels.tolist() != b.pictures.labels.tolist():
        raise UsageError.of("eval.pictures", a=a, b=b)
