"""Giving an analysis a net with its data.

Legend: N images, S side of a stored image.
"""

import functools
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from alexcli.analysis.subject import SampleImages, Subject
from alexcli.data.dataset import Dataset
from alexcli.data.decode import ResizeSpec
from alexcli.data.images import FileImages, ImageSource
from alexcli.data.open import open_dataset
from alexcli.data.transforms import Batch
from alexcli.errors import UsageError
from alexcli.model.net import Net
from alexcli.reporter import Reporter
from alexcli.run.build import build_net
from alexcli.run.directory import RunDirectory
from alexcli.run.predict import find_images, labels_of_files, read_images
from alexcli.run.start import copy_initial_weights
from alexcli.run.trained import TrainedModel
from alexcli.schema import AnalyzeSpec, Source


def subject_of(model: TrainedModel, spec: AnalyzeSpec, reporter: Reporter) -> Subject:
    """A net in the form that analyses take; its data is opened on demand.

    Args:
        model: the net.
        spec: `images` and `count`, which choose the images to show.
        reporter: receives progress updates.
    """

    # Named images need no validation set; otherwise images are taken from it.
    split = "val" if spec.images is None else "train"

    @functools.cache
    def opened() -> Dataset:
        dataset = model.open_data(reporter, split)
        return replace(dataset, classes=model.names_of(dataset.classes))

    def dataset_of(path: str | None) -> Dataset:
        if path is None:
            _check_has_data(model, "images=DIR, with DIR/CLASS/*, or data.root=DIR")
            return opened()
        return _class_folders(model, Path(path).expanduser(), reporter)

    def read_sample() -> SampleImages:
        if spec.images is None:
            hint = "images=FILE or images=DIR, or data.root=DIR, with DIR/val/CLASS/*"
            _check_has_data(model, hint)
            return _held_out_images(model, opened(), spec.count)
        return _images_of_files(model, Path(spec.images).expanduser(), spec.count, reporter)

    def training_set() -> ImageSource:
        _check_has_data(model, "data.root=DIR, with DIR/train/CLASS/* and DIR/val/CLASS/*")
        train = opened().train
        if not len(train):
            raise UsageError(
                f"data.root={model.spec.data.root} has no training set to search in",
                hint="data.root=DIR, with DIR/train/CLASS/*; with class folders alone, "
                "data.val=0.2 leaves four fifths to search in",
            )
        return train

    def batches(images: ImageSource) -> Iterator[Batch]:
        for batch in model.batches(images):
            yield batch
            reporter.progress("looking at images", int(batch.positions[-1]) + 1, len(images))
        reporter.close()

    return Subject(
        name=model.name,
        net=model.net,
        preprocess=model.preprocess,
        class_names=model.names,
        read_sample=functools.cache(read_sample),
        training_set=training_set,
        batches=batches,
        dataset=dataset_of,
        initial=lambda: _initial(model),
        before_training=lambda: _before_training(model, reporter),
        reporter=reporter,
    )


def _initial(model: TrainedModel) -> Net:
    """The same net with newly drawn initial weights."""
    net = build_net(model.spec, model.placement).eval()
    model.placement.place(net)
    return net


def _before_training(model: TrainedModel, reporter: Reporter) -> Net | None:
    """The same net before its first step; None for imported weights."""
    if model.path.name and RunDirectory(model.path.parent).is_imported:
        return None
    net = build_net(model.spec, model.placement).eval()
    copy_initial_weights(net, model.spec, reporter)
    model.placement.place(net)
    return net


def _check_has_data(model: TrainedModel, hint: str) -> None:
    """Raise UsageError if the net came without data, as imported weights do."""
    data = model.spec.data
    if data.root is None and data.source is not Source.synthetic:
        raise UsageError(f"{model.name} came without images: its weights are imported", hint=hint)


def _class_folders(model: TrainedModel, path: Path, reporter: Reporter) -> Dataset:
    """Images of any classes, resized as the net's own data was.

    Args:
        model: the net.
        path: a folder of class folders, or of train/ and val/ or test/ with class folders.
        reporter: receives notes on the data.

    Raises:
        UsageError: there is no such folder, or it has no class folders with images.
    """
    data = model.spec.data
    if (path / "train").is_dir():
        spec = replace(data, source=Source.folder, root=str(path), val="folder")
        return open_dataset(spec, reporter, train_only=True)
    if not path.is_dir():
        raise UsageError(f"images={path} is not a folder", hint="images=DIR, of class folders")
    files = [file for file in find_images([path]) if file.parent != path]
    classes = sorted({file.parent.name for file in files})
    if not classes:
        raise UsageError(
            f"{path} has no class folders: its images are not sorted into folders",
            hint=f"{path}/CLASS/IMAGE.jpg",
        )
    labels = np.array([classes.index(file.parent.name) for file in files], dtype=np.int64)
    resize = ResizeSpec.from_spec(data)
    images = FileImages(path, files, labels, resize)
    return Dataset.from_splits(
        classes, {"train": images}, fingerprint="", size=data.size, resize=str(resize)
    )


def _images_of_files(
    model: TrainedModel, path: Path, count: int, reporter: Reporter
) -> SampleImages:
    """The images that a path names, resized as the net's own data was.

    If there are more than `count`, they are evenly spaced, so that every class folder has some.

    Args:
        model: the net.
        path: an image, or a folder of images.
        count: images to read, at most.
        reporter: receives notes on labels.

    Raises:
        UsageError: there is no such path, or no image that can be read.
    """
    candidates = find_images([path])
    files = [candidates[rank] for rank in _even_ranks(len(candidates), count)]
    labels = labels_of_files(model, files, None, reporter)
    return SampleImages(
        pixels=torch.from_numpy(read_images(model, files)).to(model.placement.device),
        files=[str(file) for file in files],
        labels=[None if label is None else model.names[label] for label in labels],
    )


def _held_out_images(model: TrainedModel, dataset: Dataset, count: int) -> SampleImages:
    """Evenly spaced validation images, in the order of the classes.

    Args:
        model: the net.
        dataset: its data, with readable names of the classes.
        count: images to read, at most.
    """
    images = dataset.val
    by_class = np.argsort(images.labels, kind="stable")
    indices = by_class[_even_ranks(len(images), count)].tolist()
    names = images.names()
    return SampleImages(
        pixels=torch.from_numpy(images.fetch(indices)).to(model.placement.device),
        files=[f"val/{names[index]}" for index in indices],
        labels=[dataset.classes[int(images.labels[index])] for index in indices],
    )


def _even_ranks(images: int, count: int) -> list[int]:
    """Evenly spaced ranks of `count` images, the first and the last among them.

    Args:
        images: how many there are; all are chosen if there are no more than `count`.
        count: how many to choose.
    """
    return [int(rank) for rank in np.linspace(0, images - 1, min(count, images))]
