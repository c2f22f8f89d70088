"""A trained net: what it predicts, its features and its errors."""

import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from alexcli.api.arguments import check_count, check_overrides, check_word, reporter_of
from alexcli.errors import UsageError, plural

if TYPE_CHECKING:  # torch and others are imported by the first function that needs them
    from torch import nn

    from alexcli.model.net import Net
    from alexcli.records.evaluation import Evaluation
    from alexcli.records.features import FeatureBatch
    from alexcli.records.prediction import ImagePrediction
    from alexcli.run.find import RunCheckpoint
    from alexcli.run.trained import TrainedModel

Images = str | Path | Sequence[str | Path]
"""Image files, and folders of them."""


class TrainedNet:
    """A trained net, and what belongs to it. `load` makes one.

    Args:
        checkpoint: of a run.
        overrides: of data.*, eval.*, placement.* and trainer.*.
        progress: whether to show progress on stderr.

    Raises:
        UsageError: the checkpoint cannot be read, or an override would change the net.
    """

    def __init__(
        self, checkpoint: "RunCheckpoint", overrides: Sequence[str] = (), *, progress: bool = False
    ) -> None:
        from alexcli.run.trained import load

        self._checkpoint = checkpoint
        self._overrides = list(overrides)
        self._progress = progress
        self._trained: TrainedModel = load(checkpoint.run, checkpoint.path, overrides)

    def __repr__(self) -> str:
        classes = plural(len(self.classes), "class")
        return f"<alexcli.TrainedNet {self.name}: {self._trained.spec.model.name}, {classes}>"

    @property
    def name(self) -> str:
        """LABEL/DIRECTORY of the run."""
        return self._trained.name

    @property
    def classes(self) -> list[str]:
        """Names of the classes as the data has them, in the order of the outputs."""
        return self._trained.classes

    @property
    def class_names(self) -> list[str]:
        """Readable names of the classes, in the same order."""
        return self._trained.names

    @property
    def net(self) -> "Net":
        """The net itself, a torch.nn.Module in evaluation mode: (N, C, H, W) float32, as
        `preprocess.crop` makes it, to (N, K) class scores.
        """
        return self._trained.net

    @property
    def preprocess(self) -> "nn.Module":
        """The preprocessing; `crop` turns stored images, (N, S, S, 3) uint8, into net inputs."""
        return self._trained.preprocess

    def predict(
        self, images: Images, *, top: int | None = None, ten_crop: bool = False
    ) -> "list[ImagePrediction]":
        """The most likely classes of images, which are resized as the net's own data was.

        Files that are not images are left out; a UserWarning names them.

        Args:
            images: files and folders.
            top: number of classes; None for five, or all of a net that has fewer.
            ten_crop: whether to average ten views (section 4.1).

        Returns:
            For each image its file, its predictions (class, name and probability `p`, most likely
            first), and its label if its folder is named after a class.

        Raises:
            UsageError: a path does not exist, no file is an image, or there are fewer classes.
        """
        from alexcli.run.predict import DEFAULT_TOP, find_images, predict

        if top is not None:
            classes = len(self.classes)
            check_count("top", top, classes, hint=f"top={min(DEFAULT_TOP, classes)}")
        files = find_images(_paths(images))
        unreadable: list[str] = []
        predictions = predict(
            self._trained,
            files,
            reporter_of(progress=self._progress),
            top=top,
            ten_crop=ten_crop,
            unreadable=unreadable,
        )
        _warn_of_unreadable(unreadable, len(files))
        return predictions

    def features(
        self,
        images: Images | None = None,
        *,
        split: Literal["train", "val", "test"] | None = None,
        layer: str | None = None,
        at: Literal["product", "activation", "output"] = "output",
    ) -> "FeatureBatch":
        """The outputs of a layer for images, from their centre crops, all in memory.

        Files that are not images are left out; a UserWarning names them.

        Args:
            images: files and folders; or else
            split: a split of the net's own data.
            layer: such as conv5 or fc7; None for the last hidden one.
            at: where in the layer: before its activation, after it, or after all that follows.

        Returns:
            `files`, `labels` (None if unknown) and `values`, (N, U) or (N, C, H, W) float32, in
            the same order.

        Raises:
            UsageError: neither images nor a split, both of them, no such layer, or no file is an
                image.
        """
        from alexcli.run.features import FeatureExtractor, find_labelled
        from alexcli.schema import LayerPoint

        if (images is None) == (split is None):
            raise UsageError(
                "features takes images or a split, one of the two",
                hint='features("DIR"), or features(split="val")',
            )
        check_word("at", at, [point.name for point in LayerPoint])
        extractor = FeatureExtractor(self._trained, layer, LayerPoint(at))
        reporter = reporter_of(progress=self._progress)
        if split is not None:
            check_word("split", split, ["train", "val", "test"])
            return _joined(list(extractor.of_split(split, reporter)))
        files = find_labelled(_paths(() if images is None else images))
        unreadable: list[str] = []
        batches = list(extractor.of_files(files, reporter, unreadable))
        _warn_of_unreadable(unreadable, len(files))
        return _joined(batches)

    def evaluate(
        self,
        split: Literal["train", "val", "test"] = "val",
        *,
        ten_crop: bool = False,
        per_class: bool = False,
    ) -> "Evaluation":
        """The errors on a split of the net's own data, or of the data that the overrides name.

        Args:
            split: which images; those of train as they are, without random crops and noise.
            ten_crop: whether to evaluate with ten views too, from the same pass.
            per_class: whether results hold the error of each class.

        Returns:
            Its `results` hold `top1_err`, `top5_err` and more, the centre crop first; its
            `predictions` those of every image.

        Raises:
            UsageError: the data is missing or has other classes.
        """
        from alexcli.run.evaluate import evaluate

        check_word("split", split, ["train", "val", "test"])
        return evaluate(
            [self._checkpoint],
            reporter_of(progress=self._progress),
            split,
            ("center", "ten") if ten_crop else ("center",),
            self._overrides,
            per_class=per_class,
        )


def load(
    run_or_name: str | Path | None = None,
    *overrides: str,
    runs: str | Path = "runs",
    progress: bool = False,
) -> TrainedNet:
    """A trained net.

    Args:
        run_or_name: a run directory or a checkpoint file; LABEL/DIRECTORY, or LABEL if it has one
            run, below `runs`; a wildcard; None for the newest finished run of all.
        overrides: of data.*, eval.*, placement.* and trainer.*, such as "data.root=DIR".
        runs: the directory of runs.
        progress: whether to show progress on stderr.

    Raises:
        UsageError: there is no such run, there are several, or it cannot be read.
    """
    from alexcli.run.find import single_checkpoint

    check_overrides('load("quickstart", "data.root=DIR")', overrides)
    names = [] if run_or_name is None else [str(run_or_name)]
    return TrainedNet(single_checkpoint(names, Path(runs)), overrides, progress=progress)


def _paths(images: Images) -> list[Path]:
    """The paths of one or several images; UsageError for images that are not files."""
    several: object = [images] if isinstance(images, str | Path) else images
    if not isinstance(several, Iterable):
        raise _not_a_path(images)
    paths = [_path(image) for image in several]
    if not paths:
        raise UsageError("no images are named", hint='predict("photo.jpg")')
    return paths


def _path(image: object) -> Path:
    if not isinstance(image, str | Path):
        raise _not_a_path(image)
    return Path(image).expanduser()


def _not_a_path(image: object) -> UsageError:
    """The error for an image in memory, or anything else that is no path."""
    kind = f"{type(image).__module__}.{type(image).__qualname__}".removeprefix("builtins.")
    return UsageError(
        f"an image is named by its path, a str or a pathlib.Path, and this is a {kind}",
        hint='save it: image.save("image.png"); or classify an array of stored images, (N, S, S, '
        "3) uint8: net.net(net.preprocess.crop(torch.from_numpy(array)))",
    )


def _warn_of_unreadable(unreadable: Sequence[str], count: int) -> None:
    """Name the files that were left out, in a warning at the call of a method of TrainedNet."""
    from alexcli.run.predict import describe_unreadable

    if unreadable:
        warnings.warn(describe_unreadable(unreadable, count), stacklevel=3)


def _joined(batches: "Sequence[FeatureBatch]") -> "FeatureBatch":
    """Features of several batches as one."""
    import numpy as np

    from alexcli.records.features import FeatureBatch

    return FeatureBatch(
        files=[file for batch in batches for file in batch.files],
        labels=[label for batch in batches for label in batch.labels],
        values=np.concatenate([batch.values for batch in batches]),
    )
