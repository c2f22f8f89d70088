"""Figure 4, right: training images nearest in the last hidden layer, and nearest in pixels.

Legend: N images, S side of a stored image, U units, k neighbours.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from alexcli.analysis.nearest import Nearest, check_neighbor_count
from alexcli.analysis.subject import SampleImages, Subject
from alexcli.data.images import ImageSource
from alexcli.model.activations import find_layer, last_hidden_layer, with_layers
from alexcli.records.analysis import Analysis, TilesPanel
from alexcli.schema import AnalyzeSpec
from alexcli.tables import Table

KEYS = ("layer", "images", "count", "nearest")
"""The keys of `AnalyzeSpec` that it reads."""
PIXELS = "pixels"


@dataclass
class Neighbor:
    """A training image near an image of the sample."""

    index: int
    """Its position in the training set."""
    class_name: str
    """Readable name of its class."""
    distance: float
    """Euclidean, in the space that was searched."""


def run(spec: AnalyzeSpec, subject: Subject) -> Analysis:
    """Search the whole training set in one pass, by Euclidean distance.

    Args:
        spec: `nearest`, and `layer`; null for the last hidden one.
        subject: the net, its images and its training set.

    Raises:
        UsageError: there is no such layer, or there are fewer training images than neighbours.
    """
    training_set = subject.training_set()
    net = with_layers(subject.net)
    shape = last_hidden_layer(net) if spec.layer is None else find_layer(net, spec.layer)
    check_neighbor_count(spec.nearest, len(training_set))
    sample = subject.read_sample()
    spaces = _search(subject, sample.pixels, training_set, shape.name, spec.nearest)
    classes = subject.dataset(None).classes
    neighbors = {name: _neighbors(space, training_set, classes) for name, space in spaces.items()}
    same_class = {name: _same_class(rows, sample.labels) for name, rows in neighbors.items()}
    rows = [
        {
            "space": name,
            "k": spec.nearest,
            "same class": same_class[name],
            "mean distance": float(space.distances.mean()),
        }
        for name, space in spaces.items()
    ]
    count = len(training_set)
    table = Table.from_records(
        f"neighbours, {subject.name}",
        rows,
        f"same class: of the neighbours; searched: all {count:,} training images",
        fractions=("same class",),
    )
    units = spaces[shape.name].queries.shape[1]
    return Analysis(
        title="Figure 4, right: nearest neighbours",
        tables=[table, _neighbor_table(neighbors, sample)],
        panels=[
            _panel(name, rows, same_class[name], sample, training_set)
            for name, rows in neighbors.items()
        ],
        caption="First column: the images that are looked up; then the training images at the "
        f"smallest Euclidean distance in {shape.name} ({units:,} units) and in raw pixels, exact "
        f"over all {count:,}; \u2717: of another class. Run {subject.name}.",
    )


def _search(
    subject: Subject, pixels: Tensor, training_set: ImageSource, layer: str, k: int
) -> dict[str, Nearest]:
    """The neighbours of images in a layer and in raw pixels, by name of the space.

    Args:
        subject: the net.
        pixels: (N, S, S, 3) uint8, the images to look up.
        training_set: the images to search.
        layer: its name.
        k: neighbours of each image.
    """
    spaces = {
        layer: Nearest(subject.features(pixels, layer), k),
        PIXELS: Nearest(_flat_pixels(pixels), k),
    }
    for batch in subject.batches(training_set):
        spaces[layer].add(subject.features(batch.images, layer), batch.indices)
        spaces[PIXELS].add(_flat_pixels(batch.images), batch.indices)
    return spaces


def _flat_pixels(pixels: Tensor) -> Tensor:
    """(N, S, S, 3) uint8 as vectors, (N, U) float32."""
    return pixels.flatten(1).float()


def _neighbors(
    space: Nearest, training_set: ImageSource, classes: list[str]
) -> list[list[Neighbor]]:
    """The neighbours of each image of the sample, the nearest first.

    Args:
        space: the neighbours found in one space.
        training_set: the images that were searched.
        classes: readable names, in the order of the labels.
    """
    rows = zip(space.indices.tolist(), space.distances.tolist(), strict=True)
    return [
        [
            Neighbor(index, classes[training_set.labels[index]], distance)
            for index, distance in zip(indices, distances, strict=True)
        ]
        for indices, distances in rows
    ]


def _same_class(neighbors: list[list[Neighbor]], labels: list[str | None]) -> float | None:
    """The fraction of neighbours that share their image's class; None if no label is known."""
    matches = [
        neighbor.class_name == label
        for row, label in zip(neighbors, labels, strict=True)
        if label is not None
        for neighbor in row
    ]
    return sum(matches) / len(matches) if matches else None


def _neighbor_table(neighbors: dict[str, list[list[Neighbor]]], sample: SampleImages) -> Table:
    """Every neighbour in every space."""
    rows: list[dict[str, Any]] = [
        {
            "space": space,
            "image": file,
            "label": label,
            "rank": rank,
            "training image": neighbor.index,
            "class": neighbor.class_name,
            "distance": neighbor.distance,
        }
        for space, rows_of_space in neighbors.items()
        for file, label, row in zip(sample.files, sample.labels, rows_of_space, strict=True)
        for rank, neighbor in enumerate(row, start=1)
    ]
    return Table.from_records("", rows, files_only=True)


def _panel(
    space: str,
    neighbors: list[list[Neighbor]],
    same_class: float | None,
    sample: SampleImages,
    training_set: ImageSource,
) -> TilesPanel:
    """A row for each image of the sample: the image, then its neighbours."""
    captions: list[str] = []
    wrong: list[bool] = []
    for file, label, row in zip(sample.files, sample.labels, neighbors, strict=True):
        names = [neighbor.class_name for neighbor in row]
        captions += [label or file, *names]
        wrong += [False, *(label is not None and name != label for name in names)]
    shown = [training_set.fetch([neighbor.index for neighbor in row]) for row in neighbors]
    tiles = np.concatenate([sample.pixels.cpu().numpy()[:, None], shown], axis=1)
    share = "" if same_class is None else f", {100 * same_class:.0f}% of the same class"
    return TilesPanel(tiles, captions, title=f"nearest in {space}{share}", wrong=wrong)
