"""Predicting the classes of images that belong to no data set.

Legend: N images, S stored side.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from alexcli.data.arrays import ImageArray
from alexcli.data.decode import ResizeSpec, UndecodableError, read_square, why_left_out
from alexcli.data.file_names import images_below, normal_form
from alexcli.data.label_lookup import LabelLookup
from alexcli.data.labels import read_labels
from alexcli.errors import RunFailedError, UsageError, plural
from alexcli.metrics.top_k import most_likely
from alexcli.records.prediction import ClassProbability, ImagePrediction
from alexcli.reporter import Reporter
from alexcli.run.predictor import PROTOCOL_VIEWS
from alexcli.run.trained import TrainedModel

DEFAULT_TOP = 5
DRAWN_SIDE = 512
"""Pixels of the side of an image in a figure."""

UNREADABLE_HINT = "leave out or replace such files, or do what their messages say"
"""What to do about files that are not predicted."""


def find_images(paths: Sequence[Path]) -> list[Path]:
    """The image files that paths name, and those in the folders that paths name.

    Args:
        paths: files, whatever their suffix, and folders, whose images are recognized by theirs.

    Raises:
        UsageError: a path that does not exist, or a folder without images.
    """
    files: list[Path] = []
    for path in paths:
        if not path.exists() and not path.is_symlink():
            raise UsageError(f"{path} does not exist", hint="name image files or folders of them")
        if not path.is_dir():
            files.append(path)
            continue
        images = images_below(path)
        if not images.names:
            others = f" that are read, but {images.described_unread()}" if images.unread else ""
            raise UsageError(
                f"{path} holds no images{others}", hint="name files, or a folder with images in it"
            )
        files += [path / name for name in images.names + images.other_images]
    return files


def predict(
    trained: TrainedModel,
    files: Sequence[Path],
    reporter: Reporter,
    *,
    top: int | None = None,
    ten_crop: bool = False,
    labels: Path | None = None,
    unreadable: list[str] | None = None,
    receive: Callable[[ImagePrediction], None] | None = None,
) -> list[ImagePrediction]:
    """The most likely classes of each image, which is resized as the net's own data was.

    Args:
        trained: the net.
        files: images of any format that Pillow reads.
        reporter: receives progress updates.
        top: number of classes; None for five, or all classes of a net that has fewer.
        ten_crop: whether to average the softmax outputs of ten views (section 4.1).
        labels: a list of true labels; without one, the folder of an image gives its label if it is
            named after a class.
        unreadable: receives a message for each file that is not an image, and the others are
            predicted; None refuses such a file.
        receive: called with each prediction as soon as it is made.

    Raises:
        UsageError: `top` exceeds the classes, labels do not fit, or a file (with `unreadable`,
            every file) is not an image.
        RunFailedError: the device's memory does not hold the forward pass of one image.
    """
    top = _number_of_classes(trained, top)
    true_labels = labels_of_files(trained, files, labels, reporter)
    predictor = trained.predictor(reporter)
    views = PROTOCOL_VIEWS["ten" if ten_crop else "center"]
    batch_size = trained.spec.eval.batch_size
    predictions: list[ImagePrediction] = []
    for start in range(0, len(files), batch_size):
        numbers = range(start, min(start + batch_size, len(files)))
        chosen, pixels = read_batch(trained, files, numbers, unreadable)
        if chosen:
            images = torch.from_numpy(np.stack(pixels)).to(trained.placement.device)
            best_p, best = most_likely(predictor(images, views).mean(0), top)
            for number, indices, probabilities in zip(
                chosen, best.tolist(), best_p.tolist(), strict=True
            ):
                label = true_labels[number]
                prediction = _prediction(trained, files[number], label, indices, probabilities)
                predictions.append(prediction)
                if receive is not None:
                    receive(prediction)
        reporter.progress("predicting", start + len(numbers), len(files))
    reporter.close()
    if not predictions and unreadable:
        raise UsageError(unreadable[0], hint=UNREADABLE_HINT)
    return predictions


def read_batch(
    trained: TrainedModel,
    files: Sequence[Path],
    numbers: Sequence[int],
    unreadable: list[str] | None,
) -> tuple[list[int], list[ImageArray]]:
    """The positions of the files that are images, and their pixels, each (S, S, 3) uint8.

    Args:
        trained: the net.
        files: all files.
        numbers: the positions of those to read.
        unreadable: receives a message for each that is not an image; None refuses it.
    """
    chosen: list[int] = []
    pixels: list[ImageArray] = []
    for number in numbers:
        try:
            (image,) = read_images(trained, [files[number]])
        except UsageError as error:
            if unreadable is None:
                raise
            unreadable.append(why_left_out(error))
        else:
            chosen.append(number)
            pixels.append(image)
    return chosen, pixels


def check_all_read(unreadable: Sequence[str], count: int) -> None:
    """Raise RunFailedError that names the files that were skipped, if any.

    Args:
        unreadable: a message for each of them.
        count: all files.
    """
    if unreadable:
        raise RunFailedError(describe_unreadable(unreadable, count), hint=UNREADABLE_HINT)


def describe_unreadable(unreadable: Sequence[str], count: int) -> str:
    """What is said of files that were skipped; see `check_all_read`."""
    messages = "".join(f"\n  {message}" for message in unreadable)
    return f"{len(unreadable):,} of {plural(count, 'image')} cannot be read:{messages}"


def _number_of_classes(trained: TrainedModel, top: int | None) -> int:
    """How many classes to predict; UsageError if the net has fewer."""
    classes = len(trained.classes)
    most = min(DEFAULT_TOP, classes)
    if top is None:
        return most
    if top > classes:
        raise UsageError(
            f"--top {top} asks for more labels than {trained.name} has classes ({classes:,})",
            hint=f"--top {most}",
        )
    return top


def _prediction(
    trained: TrainedModel,
    path: Path,
    label: int | None,
    indices: Sequence[int],
    probabilities: Sequence[float],
) -> ImagePrediction:
    """The record of one image: its classes, by their indices, and their probabilities."""
    return ImagePrediction(
        file=str(path),
        predictions=[
            ClassProbability(trained.classes[index], trained.names[index], p)
            for index, p in zip(indices, probabilities, strict=True)
        ],
        label=None if label is None else trained.classes[label],
        label_name=None if label is None else trained.names[label],
    )


def read_images(trained: TrainedModel, files: Sequence[Path]) -> ImageArray:
    """Read images in the form in which the net's own data was stored: (N, S, S, 3) uint8.

    Raises:
        UsageError: a file is not an image.
    """
    resize = ResizeSpec.from_spec(trained.spec.data)
    try:
        return np.stack([read_square(path, resize) for path in files])
    except UndecodableError as error:  # its hint is for preparing a data set
        raise UndecodableError(error.message, hint=UNREADABLE_HINT) from None


def with_pixels(
    trained: TrainedModel, predictions: Sequence[ImagePrediction]
) -> list[ImagePrediction]:
    """Predictions with what a figure shows: the square that the net read, in more detail.

    Args:
        trained: the net that predicted.
        predictions: of files.
    """
    drawn = replace(ResizeSpec.from_spec(trained.spec.data), size=DRAWN_SIDE)
    return [
        replace(prediction, image=read_square(Path(prediction.file), drawn))
        for prediction in predictions
    ]


def labels_of_files(
    trained: TrainedModel, files: Sequence[Path], listed: Path | None, reporter: Reporter
) -> list[int | None]:
    """The true label of each file if it is known.

    Args:
        trained: the net, which has the classes.
        files: the images.
        listed: a list of labels; None takes the names of the files' folders.
        reporter: receives a note on how the list was read.

    Raises:
        UsageError: the list cannot be read, or does not fit.
    """
    if listed is None:
        index_of = {normal_form(name): index for index, name in enumerate(trained.classes)}
        return [index_of.get(_folder_name(path)) for path in files]
    label_list = read_labels(listed, trained.classes)
    reporter.note(f"{listed}: {label_list.description}")
    if label_list.files is not None:
        lookup = LabelLookup(listed, label_list)
        labels = lookup.labels_of(files, [path.as_posix() for path in files])
        missing = labels.count(None)
        if missing:
            reporter.warn(f"{listed} has no label for {missing:,} of {plural(len(files), 'image')}")
        return labels
    if len(label_list.labels) != len(files):
        raise UsageError(
            f"{listed} holds {plural(len(label_list.labels), 'label')} for "
            f"{plural(len(files), 'image')}",
            hint="a line for each image in order, or lines FILE LABEL",
        )
    return list(label_list.labels)


def _folder_name(path: Path) -> str:
    """The name of a file's folder as it was typed, whatever a link points to."""
    folder = path.absolute().parent
    return normal_form(folder.resolve().name if folder.name == ".." else folder.name)
