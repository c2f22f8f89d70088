"""A linear classifier on a layer's features, beside random initial weights and raw pixels.

The protocol of DeCAF (Donahue et al. 2014, ICML, arXiv 1310.1531): the net is frozen, and the
strength of the L2 penalty is chosen on images used for neither training nor testing.

Legend: N images, S side of a stored image, U features of an image.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from alexcli.analysis.linear_classifier import LinearClassifier, Standardization
from alexcli.analysis.subject import Subject
from alexcli.data.arrays import IndexArray, LabelArray
from alexcli.data.images import ImageSource
from alexcli.errors import UsageError, plural
from alexcli.metrics.interval import wilson
from alexcli.model.activations import find_layer, last_hidden_layer, with_layers
from alexcli.records.analysis import Analysis, Line, LinesPanel
from alexcli.schema import AnalyzeSpec
from alexcli.tables import Table

KEYS = ("layer", "at", "images", "sample", "per_class", "classifier")
"""The keys of `AnalyzeSpec` that it reads."""
STRENGTHS = (10.0, 1.0, 0.1, 0.01, 0.001, 0.0001)
"""L2 penalties to try, the strongest first; each fit starts from the one before."""
HELD_OUT = 5
"""One in this many images of each class is held out, for selection or for a missing test split."""
PIXEL_SIDE = 32
"""Raw pixels are averaged to at most this side; a whole image would be 154,587 numbers."""

Space = Callable[[Tensor], Tensor]
"""From pixels, (N, S, S, 3) uint8, to features, (N, U) float32."""


@dataclass
class Probe:
    """The results of a classifier in one space."""

    units: int
    """U."""
    l2: float
    """The strength with the lowest validation error."""
    val_errors: dict[float, float] = field(default_factory=dict)
    """Validation errors by strength, fractions."""
    wrong: int = 0
    """Test images that the chosen classifier gets wrong."""


@dataclass
class Split:
    """Disjoint images for training, selection and testing; the final fit uses the first two."""

    train: ImageSource
    """The images for training and selection; `fit` and `val` are positions in it."""
    fit: IndexArray
    val: IndexArray
    test: ImageSource


def run(spec: AnalyzeSpec, subject: Subject) -> Analysis:
    """Fit classifiers in the layer, in the same layer of a random net, and in pixels.

    Args:
        spec: `layer`, null for the last hidden one, and `at`; `images`, a folder of class folders,
            null for the run's own data; `sample` and `per_class`, which bound the training images;
            `classifier`.
        subject: the net and its data.

    Raises:
        UsageError: there is no such layer, or too few images or classes.
    """
    net = with_layers(subject.net)
    shape = last_hidden_layer(net) if spec.layer is None else find_layer(net, spec.layer)
    classes, split = _split(spec, subject)
    initial = subject.initial()
    name = f"{shape.name}, {spec.at.value}"
    spaces: dict[str, Space] = {
        name: lambda pixels: subject.features(pixels, shape.name, spec.at),
        f"{name}, random weights": lambda pixels: subject.features(
            pixels, shape.name, spec.at, initial
        ),
        "pixels": small_pixels,
    }
    probes = _probe(spec, subject, spaces, split, len(classes))
    tested = len(split.test)
    return Analysis(
        title=f"Linear probe of {name}",
        tables=[_table(spec, subject.name, probes, split, len(classes))],
        panels=[
            LinesPanel(
                {
                    space: Line([str(l2) for l2 in STRENGTHS], list(probe.val_errors.values()))
                    for space, probe in probes.items()
                },
                x_label="strength of the L2 penalty",
                y_label="error on the held-out training images",
                y_unit="percent",
            )
        ],
        caption=f"A linear classifier ({spec.classifier.value}) of {plural(len(classes), 'class')} "
        f"on {len(split.train):,} images, tested on {tested:,} others. The strength is chosen on "
        f"one in {HELD_OUT} of the training images, never on the test images. Run {subject.name}.",
    )


def small_pixels(pixels: Tensor) -> Tensor:
    """(N, S, S, 3) uint8 as vectors of at most 32 x 32 colours, (N, U) float32 in [0, 1]."""
    images = pixels.permute(0, 3, 1, 2).float() / 255
    side = min(PIXEL_SIDE, images.shape[-1])
    return F.adaptive_avg_pool2d(images, side).flatten(1)


def _split(spec: AnalyzeSpec, subject: Subject) -> tuple[list[str], Split]:
    """The classes, and the images for training, selection and testing.

    Raises:
        UsageError: there is one class, or a class with too few images.
    """
    dataset = subject.dataset(spec.images)
    train, test = dataset.train, dataset.test
    if test is None and dataset.has_own_val:
        test = dataset.val  # not used for the probe's selection, nor for the run's training
    if not len(train):
        raise UsageError(
            "the data has no training set on which to fit a probe",
            hint="images=DIR takes a part of each class folder for it; or data.root=DIR, with "
            "DIR/train/CLASS/*",
        )
    if test is None:
        rest, held_out = held_out_of_each_class(train.labels)
        train, test = train.subset(rest), train.subset(held_out)
    train = train.subset(chosen_rows(train.labels, spec.per_class, spec.sample))
    counts = np.bincount(train.labels, minlength=len(dataset.classes))
    if len(dataset.classes) < 2 or counts.min() < 2:
        rarest = dataset.classes[int(counts.argmin())]
        raise UsageError(
            "a probe needs at least two classes with two training images each: there "
            f"{'is' if len(counts) == 1 else 'are'} {plural(len(counts), 'class')}, and "
            f"{plural(int(counts.min()), 'image')} of {rarest}",
            hint="raise sample or per_class, or name a folder of larger class folders: images=DIR",
        )
    fit, val = held_out_of_each_class(train.labels)
    return dataset.classes, Split(train, fit, val, test)


def chosen_rows(labels: LabelArray, per_class: int | None, most: int) -> IndexArray:
    """Positions of the images to train on, in order; the draw is fixed.

    Args:
        labels: (N,) of all of them.
        per_class: most images of each class; None for any number.
        most: most images in total.
    """
    order = np.random.default_rng(0).permutation(len(labels))
    if per_class is not None:
        order = np.concatenate(
            [order[labels[order] == label][:per_class] for label in np.unique(labels)]
        )
        order = np.random.default_rng(1).permutation(order)
    return np.sort(order[:most])


def held_out_of_each_class(labels: LabelArray) -> tuple[IndexArray, IndexArray]:
    """Positions of the images to fit and of those held out: one in five of a class, at least one.

    Nothing is held out of a class with a single image.
    """
    order = np.random.default_rng(2).permutation(len(labels))
    held_out = np.zeros(len(labels), dtype=bool)
    for label in np.unique(labels):
        rows = order[labels[order] == label]
        held_out[rows[: max(len(rows) // HELD_OUT, int(len(rows) > 1))]] = True
    return np.flatnonzero(~held_out), np.flatnonzero(held_out)


def _probe(
    spec: AnalyzeSpec, subject: Subject, spaces: dict[str, Space], split: Split, classes: int
) -> dict[str, Probe]:
    """Choose the strength in each space, fit again with all training images, and test once."""
    features = _features(subject, spaces, split.train)
    y = torch.from_numpy(split.train.labels)
    fit, val = torch.from_numpy(split.fit), torch.from_numpy(split.val)
    probes: dict[str, Probe] = {}
    final: dict[str, tuple[Standardization, LinearClassifier]] = {}
    for number, name in enumerate(spaces):
        x = features.pop(name)
        standardize = Standardization(x[fit])
        classifier = LinearClassifier(x.shape[1], classes)
        probe = Probe(x.shape[1], STRENGTHS[0])
        for step, l2 in enumerate(STRENGTHS):
            classifier.fit(standardize(x[fit]), y[fit], l2, spec.classifier)
            wrong = classifier.errors(standardize(x[val]), y[val])
            probe.val_errors[l2] = wrong / len(val)
            done = number * len(STRENGTHS) + step + 1
            subject.reporter.progress("fitting", done, len(spaces) * len(STRENGTHS))
        # In a tie, the strongest penalty, which comes first.
        probe.l2 = min(STRENGTHS, key=probe.val_errors.__getitem__)
        standardize = Standardization(x)
        classifier = LinearClassifier(x.shape[1], classes)
        classifier.fit(standardize(x), y, probe.l2, spec.classifier)
        probes[name] = probe
        final[name] = standardize, classifier
    for batch_features, labels in _batches(subject, spaces, split.test):
        for name, (standardize, classifier) in final.items():
            probes[name].wrong += classifier.errors(standardize(batch_features[name]), labels)
    return probes


def _features(subject: Subject, spaces: dict[str, Space], images: ImageSource) -> dict[str, Tensor]:
    """The features of all images in each space, (N, U), from one pass over them."""
    parts: dict[str, list[Tensor]] = {name: [] for name in spaces}
    for batch_features, _ in _batches(subject, spaces, images):
        for name, values in batch_features.items():
            parts[name].append(values)
    return {name: torch.cat(values) for name, values in parts.items()}


def _batches(
    subject: Subject, spaces: dict[str, Space], images: ImageSource
) -> Iterator[tuple[dict[str, Tensor], Tensor]]:
    """The features in each space and the labels, batch by batch, on the CPU."""
    for batch in subject.batches(images):
        features = {name: space(batch.images).cpu() for name, space in spaces.items()}
        yield features, batch.labels.cpu()


def _table(
    spec: AnalyzeSpec, run_name: str, probes: dict[str, Probe], split: Split, classes: int
) -> Table:
    """A row for each space."""
    tested = len(split.test)
    rows: list[dict[str, Any]] = []
    for name, probe in probes.items():
        error = probe.wrong / tested
        interval = wilson(error, tested)
        rows.append(
            {
                "features": name,
                "units": probe.units,
                "L2": probe.l2,
                "validation error": probe.val_errors[probe.l2],
                "test error": error,
                "low": interval.low,
                "high": interval.high,
            }
        )
    largest = np.bincount(split.test.labels, minlength=classes).max() / tested
    return Table.from_records(
        f"linear probe ({spec.classifier.value}), {run_name}",
        rows,
        f"{len(split.fit):,} images to fit, {len(split.val):,} to choose L2, "
        f"then all of them to fit again, {tested:,} to test; low, high: 95% interval of the test "
        f"error; always naming the largest class errs on {1 - largest:.2%}; pixels: averaged to "
        f"{PIXEL_SIDE} x {PIXEL_SIDE} at most",
        fractions=("validation error", "test error", "low", "high"),
    )
