"""Asking trained nets: about a split, alone and averaged, or about pictures of no data set."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from alexcli.data.dataset import Dataset
from alexcli.data.names import read_labels
from alexcli.data.pictures import SUFFIXES, Images, Pictures, Reading, read_square
from alexcli.data.transforms import CENTER, TEN_CROPS
from alexcli.errors import UsageError
from alexcli.memory import reuse_memory
from alexcli.metrics import calibration_error
from alexcli.results import EvalResult, Evaluation, Guess, Prediction, Predictions, Reporter, Silent
from alexcli.run import checkpoint
from alexcli.run.build import build_placement
from alexcli.run.predictions import per_class, wilson
from alexcli.run.rundir import RunDirectory
from alexcli.run.trained import Trained, load, placed_spec, same_classes

PROTOCOLS = {"center": (CENTER,), "ten": TEN_CROPS}
Said = dict[str, Tensor]  # what is kept of each picture, see _said


class _Asked(NamedTuple):
    """A net, and the pictures that it is asked about."""

    trained: Trained
    dataset: Dataset
    split: str
    pictures: Pictures
    classes: bool
    """Whether results hold errors per class."""
    probabilities: bool
    """Whether all softmax outputs are kept."""


def evaluate(
    chosen: Sequence[tuple[RunDirectory, Path]],
    reporter: Reporter,
    split: str,
    protocols: Sequence[str] = ("center",),
    overrides: Sequence[str] = (),
    *,
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
    if len(chosen) > 1:
        _same_nets([path for _, path in chosen])
    placement = build_placement(placed_spec(chosen[0][0], overrides))
    reporter = reporter if placement.root else Silent()
    done, keep = Evaluation([], [], [], [], []), len(chosen) > 1 or probabilities
    first, sums, began = None, Said(), time.monotonic()
    for run, path in chosen:
        trained = load(run, path, overrides, placement)
        dataset = trained.data(Silent() if first else reporter)
        pictures = dataset.test if split == "test" else dataset.val
        if pictures is None:
            raise UsageError.of("eval.no_test")
        asked = _Asked(trained, dataset, split, pictures, classes, probabilities)
        if first is None:
            first = asked
            done.ids, done.classes, done.names = pictures.names(), trained.classes, trained.names
        _same_pictures(first, asked)
        started = time.monotonic()
        for protocol, said in _passes(asked, protocols, reporter, keep=keep).items():
            if len(chosen) > 1:
                sums[protocol] = sums.get(protocol, 0) + said["p"]
            _add(done, asked, protocol, said, started)
    if first and sums:
        _ensemble(done, first, sums, began)
    reporter.close()
    return done


def _passes(
    asked: _Asked, protocols: Sequence[str], reporter: Reporter, *, keep: bool
) -> dict[str, Said]:
    """One pass over the pictures under all protocols."""
    trained, pictures, placement = asked.trained, asked.pictures, asked.trained.placement
    scorer, count, seen = trained.scorer(reporter), len(pictures), 0
    views = PROTOCOLS["ten" if "ten" in protocols else "center"]
    whole: dict[str, Said] = {name: {} for name in protocols}
    for batch in trained.batches(asked.dataset, pictures):
        if not len(batch.labels):  # a replica's share of a small last batch
            continue
        found = scorer(batch.images, views)  # (V, N, K)
        for name, said in whole.items():
            wanted = [views.index(view) for view in PROTOCOLS[name]]
            for key, part in _said(found[wanted].mean(0), batch.labels, keep=keep).items():
                rows = said.setdefault(key, part.new_zeros(count, *part.shape[1:]))
                rows[batch.indices] = part
        seen += len(batch.labels) * placement.replicas
        reporter.counted(f"evaluating {trained.name}", min(seen, count), count)
    for said in whole.values():
        for key, rows in said.items():  # a replica left those of the others nought
            said[key] = placement.total(rows).cpu()
    return whole


def _said(p: Tensor, labels: Tensor, *, keep: bool) -> Said:
    """What p (N, K), softmax outputs averaged over views and nets, say of pictures."""
    top = p.topk(min(5, p.shape[1]))
    true = p.gather(1, labels[:, None])[:, 0]
    # The clamp keeps the loss of a vanished class finite.
    said = {"top": top.indices, "top_p": top.values, "loss": -true.clamp_min(1e-30).log()}
    return said | ({"p": p} if keep else {})


def _add(done: Evaluation, asked: _Asked, protocol: str, said: Said, began: float) -> EvalResult:
    """Append what was said under one protocol to the rows; the last of them."""
    trained, data, labels = asked.trained, asked.dataset, asked.pictures.labels
    crop, views = trained.spec.model.input.size, len(PROTOCOLS[protocol])
    n, right = len(labels), said["top"] == torch.from_numpy(labels)[:, None]
    top1 = (n - int(right[:, 0].sum())) / n
    top5 = (n - int(right.sum())) / n if len(trained.classes) > 5 else None
    bounds = {"top1_err": wilson(top1, n), "top5_err": None if top5 is None else wilson(top5, n)}
    top, top_p = said["top"].numpy(), said["top_p"].numpy()
    found = Predictions(labels, top, top_p, said["p"].numpy() if asked.probabilities else None)
    row = EvalResult(
        name=trained.name,
        split=asked.split,
        protocol={"resize": data.resize, "crop": crop, "views": views},
        n=n,
        top1_err=top1,
        top5_err=top5,
        loss=float(said["loss"].double().mean()),
        interval=bounds,
        checkpoint=str(trained.path),
        data=data.fingerprint,
        seconds=round(time.monotonic() - began, 3),
        note=data.note,
        calibration_error=calibration_error(said["top"], said["top_p"], labels),
        per_class=per_class(found, done.classes, done.names) if asked.classes else None,
    )
    done.results.append(row)
    done.predictions.append(found)
    return row


def _ensemble(done: Evaluation, first: _Asked, sums: Said, began: float) -> None:
    """Append the rows of the averaged softmax outputs, which are `sums` by protocol."""
    members = [result.name for result in done.results[:: len(sums)]]
    crops = sorted({result.protocol["crop"] for result in done.results})
    labels, keep = torch.from_numpy(first.pictures.labels), first.probabilities
    for protocol, total in sums.items():
        said = _said(total / len(members), labels, keep=keep)
        row = _add(done, first, protocol, said, began)
        row.name, row.checkpoint, row.members = f"ensemble of {len(members)}", "", members
        row.protocol["crop"] = crops[0] if len(crops) == 1 else crops


def _same_nets(paths: Sequence[Path]) -> None:
    """UsageError, before anything is evaluated, unless all nets know the same classes."""
    # Mapped: only the names are read now, and the weights once, when a net's turn has come.
    known = [checkpoint.read(path, mmap=True)["alexcli"]["classes"] for path in paths]
    hint = "name runs that were trained on the same classes, or evaluate one at a time"
    for path, classes in zip(paths, known, strict=True):
        same_classes(paths[0], known[0], f"{path} on", classes, hint)


def _same_pictures(a: _Asked, b: _Asked) -> None:
    """UsageError unless two nets are asked about the same pictures, though perhaps resized."""
    if a.dataset.fingerprint == b.dataset.fingerprint:
        return
    ids, labels = a.pictures.names(), a.pictures.labels.tolist()
    files = not ids[0].isdigit()  # drawn pictures have positions only, which prove nothing
    if not files or ids != b.pictures.names() or labels != b.pictures.labels.tolist():
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
    classes, names = trained.classes, trained.names
    most = min(5, len(classes))
    if top is not None and top > len(classes):
        raise UsageError.of("predict.top", top=top, trained=trained, most=most)
    known = known_labels(trained, files, labels, reporter)
    scorer, size = trained.scorer(reporter), trained.spec.eval.batch_size
    views = PROTOCOLS["ten" if ten_crop else "center"]
    found: list[Prediction] = []
    for start in range(0, len(files), size):
        part = files[start : start + size]
        images = torch.from_numpy(read_pictures(trained, part)).to(trained.placement.device)
        best = scorer(images, views).mean(0).topk(top or most)
        said = zip(part, known[start:], best.indices.tolist(), best.values.tolist(), strict=False)
        for path, label, which, p in said:
            guesses = [Guess(classes[i], names[i], q) for i, q in zip(which, p, strict=True)]
            true = (None, None) if label is None else (classes[label], names[label])
            found.append(Prediction(str(path), guesses, *true))
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
        hint = "name pictures of a format that Pillow reads"
        raise UsageError(error.message, hint=hint) from None


def known_labels(
    trained: Trained, files: Sequence[Path], listed: Path | None, reporter: Reporter
) -> list[int | None]:
    """The true label of each file where it is known: from a list, or else from its folder's name.

    Raises:
        UsageError: labels that do not fit.
    """
    if listed is None:
        place = {name: i for i, name in enumerate(trained.classes)}
        return [place.get(path.resolve().parent.name) for path in files]
    names, labels, said = read_labels(listed, trained.classes)
    reporter.note(f"{listed}: {said}")
    if names is not None:
        by_name = {Path(name).name: label for name, label in zip(names, labels, strict=True)}
        return [by_name.get(path.name) for path in files]
    if len(labels) != len(files):
        raise UsageError.of("predict.label_count", listed=listed, labels=labels, files=files)
    return list(labels)
