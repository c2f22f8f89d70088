"""Asking trained nets: about a split, alone and averaged, or about pictures of no data set."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from alexcli.data.dataset import Dataset
from alexcli.data.folders import SUFFIXES
from alexcli.data.names import read_labels
from alexcli.data.pictures import Images, Labels, Pictures, Reading, read_square
from alexcli.data.transforms import CENTER, TEN_CROPS, Batch
from alexcli.errors import UsageError
from alexcli.lit.datamodule import DataModule
from alexcli.memory import reuse_memory
from alexcli.metrics import Errors, calibration_error
from alexcli.placement.single import Single
from alexcli.results import (
    EvalResult,
    Evaluation,
    Guess,
    Interval,
    Prediction,
    Predictions,
    Reporter,
    Silent,
)
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
        self.probabilities = torch.zeros(pictures if keep else 0, classes)

    def add(self, p: Tensor, labels: Tensor, rows: Tensor) -> None:
        """p (N, K), softmax outputs averaged over views and nets; labels (N,); rows (N,) of all."""
        # The clamp keeps the loss of a vanished class finite.
        self.errors.update(p.clamp_min(1e-30).log(), labels)
        found = p.topk(self.top.shape[1], dim=1)
        self.top[rows], self.top_p[rows] = found.indices, found.values
        if len(self.probabilities):
            self.probabilities[rows.cpu()] = p.cpu()

    def gather(self, placement: Single) -> None:
        """Add what other replicas saw: each has filled rows of its own and left the others nought.

        With a GPU per process the kept probabilities travel by way of it.
        """
        if placement.replicas > 1:
            self.errors = self.errors.over(placement.total)
            self.top, self.top_p = placement.total(self.top), placement.total(self.top_p)
            if len(self.probabilities):
                whole = placement.total(self.probabilities.to(self.top.device))
                self.probabilities = whole.cpu()

    def figures(self, labels: Labels) -> dict[str, Any]:
        """What EvalResult has of them."""
        found, n = self.errors.compute(), self.errors.count()
        errors = {name: found[name] for name in ("top1_err", "top5_err")}
        bounds = {name: None if e is None else wilson(e, n) for name, e in errors.items()}
        ece = calibration_error(self.top, self.top_p, labels)
        return {**found, "n": n, "interval": bounds, "calibration_error": ece}


@dataclass
class _Asked:
    """A net, and the pictures that it is asked about."""

    trained: Trained
    dataset: Dataset
    split: str
    pictures: Pictures
    ids: list[str]


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
    done, several = Evaluation([], [], [], []), len(chosen) > 1
    sums: dict[str, Tensor] = {}
    first: _Asked | None = None
    began = time.monotonic()
    for run, path in chosen:
        speaker = Silent() if first else reporter
        asked = _open(load(run, path, overrides, placement), split, speaker)
        first = first or asked
        _same_pictures(first, asked)
        started = time.monotonic()
        tallies = _passes(asked, protocols, reporter, keep=several or probabilities)
        for protocol, tally in tallies.items():
            _add(done, asked, protocol, tally, started, probabilities)
            if several:
                sums[protocol] = sums.get(protocol, 0) + tally.probabilities
    if first:
        done.classes, done.names = first.trained.classes, first.trained.names
        _ensemble(done, first, sums, began, probabilities)
    if classes:
        for result, said in zip(done.results, done.predictions, strict=True):
            result.per_class = per_class(said, done.classes, done.names)
    reporter.close()
    return done


def _open(trained: Trained, split: str, reporter: Reporter) -> _Asked:
    spec, dataset = build_data(trained.spec, reporter)
    same_classes(trained, dataset)
    pictures = {"val": dataset.val, "test": dataset.test}[split]
    if pictures is None:
        raise UsageError.of("eval.no_test")
    return _Asked(replace(trained, spec=spec), dataset, split, pictures, pictures.names())


def _passes(
    asked: _Asked, protocols: Sequence[str], reporter: Reporter, *, keep: bool
) -> dict[str, Tally]:
    """One pass over the pictures under all protocols."""
    trained, pictures, placement = asked.trained, asked.pictures, asked.trained.placement
    scorer, device, count = trained.scorer(reporter), placement.device, len(pictures)
    views = PROTOCOLS["ten" if "ten" in protocols else "center"]
    tallies = {name: Tally(len(trained.classes), count, device, keep=keep) for name in protocols}
    seen = 0
    for batch in DataModule(trained.spec, asked.dataset, placement.share).in_order(pictures):
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
    asked: _Asked,
    protocol: str,
    tally: Tally,
    began: float,
    kept: bool,
    **changed: Any,
) -> None:
    """Append what was gathered under one protocol to the rows."""
    trained, data, labels = asked.trained, asked.dataset, asked.pictures.labels
    size = trained.spec.model.input.size
    row: dict[str, Any] = {
        "name": trained.name,
        "split": asked.split,
        "protocol": {"resize": data.resize, "crop": size, "views": len(PROTOCOLS[protocol])},
        "checkpoint": str(trained.path),
        "data": data.fingerprint,
        "note": data.note,
        "seconds": round(time.monotonic() - began, 3),
    }
    done.results.append(EvalResult(**row | tally.figures(labels) | changed))
    top, top_p = tally.top.cpu().numpy(), tally.top_p.cpu().numpy()
    whole = tally.probabilities.numpy() if kept else None
    done.predictions.append(Predictions(asked.ids, labels, top, top_p, whole))


def _ensemble(
    done: Evaluation, first: _Asked, sums: dict[str, Tensor], began: float, kept: bool
) -> None:
    """Append the rows of the averaged softmax outputs, which are `sums` by protocol."""
    members = [result.name for result in done.results[:: max(1, len(sums))]]
    crops = sorted({result.protocol["crop"] for result in done.results})
    changed = {"name": f"ensemble of {len(members)}", "checkpoint": "", "members": members}
    labels = torch.from_numpy(first.pictures.labels)
    for protocol, total in sums.items():
        tally = Tally(len(done.classes), len(labels), torch.device("cpu"), keep=kept)
        for rows in torch.split(torch.arange(len(labels)), CHUNK):
            tally.add(total[rows] / len(members), labels[rows], rows)
        _add(done, first, protocol, tally, began, kept, **changed)
        done.results[-1].protocol["crop"] = crops[0] if len(crops) == 1 else crops


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


def _same_pictures(a: _Asked, b: _Asked) -> None:
    """UsageError unless two nets are asked about the same pictures, though perhaps resized."""
    if a.dataset.fingerprint == b.dataset.fingerprint:
        return
    files = not a.ids[0].isdigit()  # drawn pictures have positions only, which prove nothing
    if not files or a.ids != b.ids or a.pictures.labels.tolist() != b.pictures.labels.tolist():
        raise UsageError.of("eval.pictures", a=a, b=b)


def find_pictures(named: Sequence[Path]) -> list[Path]:
    """The files that are named, and those with a picture's ending in the folders that are named.

    Raises:
        UsageError: a path that does not exist, or a folder without pictures.
    """
    found: list[Path] = []
    for path in named:
        if not path.exists():
            raise UsageError.of("predict.no_file", path=path)
        inside = [p for p in sorted(path.rglob("*")) if p.suffix.lower() in SUFFIXES]
        if path.is_dir() and not inside:
            raise UsageError.of("predict.no_pictures", path=path)
        found += inside or [path]
    return found


def predict(
    trained: Trained,
    files: Sequence[Path],
    reporter: Reporter,
    *,
    top: int | None = None,
    ten_crop: bool = False,
    labels: Path | None = None,
) -> list[Prediction]:
    """The best guesses for each picture, resized as the net's own data was.

    Args:
        trained: the net.
        files: pictures of any format that Pillow reads.
        reporter: told how it goes.
        top: how many guesses; None for five, or all classes of a net that has fewer.
        ten_crop: average the softmax outputs of ten views (section 4.1).
        labels: a list of true labels; without one, a folder that is called as a class gives it.

    Raises:
        UsageError: `top` exceeds the classes, a file that is no picture, labels that do not fit.
    """
    classes = len(trained.classes)
    if top is not None and top > classes:
        raise UsageError.of("predict.top", top=top, trained=trained, most=min(5, classes))
    known = _listed(trained, files, labels, reporter) if labels else known_labels(trained, files)
    scorer, size = trained.scorer(reporter), trained.spec.eval.batch_size
    views = PROTOCOLS["ten" if ten_crop else "center"]
    found: list[Prediction] = []
    for start in range(0, len(files), size):
        part = files[start : start + size]
        images = torch.from_numpy(read_pictures(trained, part)).to(trained.placement.device)
        best = scorer(images, views).mean(0).topk(top or min(5, classes))
        said = zip(part, known[start:], best.indices.tolist(), best.values.tolist(), strict=False)
        for path, label, which, p in said:
            guesses = [
                Guess(trained.classes[i], trained.names[i], q)
                for i, q in zip(which, p, strict=True)
            ]
            true = None if label is None else trained.classes[label]
            words = None if label is None else trained.names[label]
            found.append(Prediction(str(path), guesses, true, words))
        reporter.counted("predicting", len(found), len(files))
    reporter.close()
    return found


def read_pictures(trained: Trained, files: Sequence[Path]) -> Images:
    """(N, S, S, 3) uint8, resized as the net's own data was.

    Raises:
        UsageError: a file that is no picture.
    """
    data = trained.spec.data
    reading = Reading(data.size, data.resize, data.kernel)
    try:
        return np.stack([read_square(path, reading) for path in files])
    except UsageError as error:
        raise UsageError(
            error.message, hint="name pictures of a format that Pillow reads"
        ) from None


def known_labels(trained: Trained, files: Sequence[Path]) -> list[int | None]:
    """The class whose folder a file lies in, where it is one."""
    place: dict[str, int] = {name: i for i, name in enumerate(trained.classes)}
    return [place.get(path.resolve().parent.name) for path in files]


def _listed(
    trained: Trained, files: Sequence[Path], listed: Path, reporter: Reporter
) -> list[int | None]:
    """The true label of each file, from a list."""
    names, labels, said = read_labels(listed, trained.classes)
    reporter.note(f"{listed}: {said}")
    if names is not None:
        by_name = {Path(name).name: label for name, label in zip(names, labels, strict=True)}
        return [by_name.get(path.name) for path in files]
    if len(labels) != len(files):
        raise UsageError.of("predict.label_count", listed=listed, labels=labels, files=files)
    return list(labels)
