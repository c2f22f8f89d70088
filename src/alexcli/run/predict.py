"""Asking a trained net about pictures that belong to no data set."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch

from alexcli.data.names import read_labels
from alexcli.data.pictures import SUFFIXES, Images, Reading, read_square
from alexcli.data.transforms import CENTER, TEN_CROPS
from alexcli.errors import UsageError
from alexcli.results import Guess, Prediction, Reporter
from alexcli.run.trained import Trained


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
    scorer = trained.scorer(reporter)
    views = TEN_CROPS if ten_crop else (CENTER,)
    found: list[Prediction] = []
    for part in _parts(files, trained.spec.eval.batch_size):
        images = torch.from_numpy(read_pictures(trained, part))
        best = (
            scorer(images.to(trained.placement.device), views).mean(0).topk(top or min(5, classes))
        )
        for values, indices in zip(best.values.tolist(), best.indices.tolist(), strict=True):
            path, label = files[len(found)], known[len(found)]
            guesses = [
                Guess(trained.classes[i], trained.names[i], p)
                for p, i in zip(values, indices, strict=True)
            ]
            true = None if label is None else trained.classes[label]
            words = None if label is None else trained.names[label]
            found.append(Prediction(str(path), guesses, true, words))
        reporter.counted("predicting", len(found), len(files))
    reporter.close()
    return found


def _parts(files: Sequence[Path], count: int) -> Iterator[Sequence[Path]]:
    for start in range(0, len(files), count):
        yield files[start : start + count]


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
