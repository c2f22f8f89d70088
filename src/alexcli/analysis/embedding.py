"""t-SNE: held-out images in a plane, so that those with similar features are neighbours.

Source: van der Maaten and Hinton 2008 (JMLR 9), computed by scikit-learn.

Legend: N images, U features of an image.
"""

import importlib.util
import math
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from alexcli.analysis.nearest import exact_distances
from alexcli.analysis.subject import Subject
from alexcli.data.images import ImageSource
from alexcli.errors import UsageError, plural
from alexcli.model.activations import find_layer, last_hidden_layer, with_layers
from alexcli.records.analysis import Analysis, ScatterPanel
from alexcli.schema import AnalyzeSpec
from alexcli.tables import Table

KEYS = ("layer", "at", "images", "points", "perplexity", "thumbnails")
"""The keys of `AnalyzeSpec` that it reads."""
NEIGHBORS = 10
"""Number of nearest images whose classes are compared."""
THUMBNAIL_SIDE = 48
"""Pixels."""

Vectors = npt.NDArray[np.float32]


def run(spec: AnalyzeSpec, subject: Subject) -> Analysis:
    """Embed the features of held-out images, and measure how many neighbours the plane keeps.

    Args:
        spec: `layer`, null for the last hidden one, and `at`; `images`, a folder of class folders,
            null for the run's own validation set; `points`, `perplexity`, `thumbnails`.
        subject: the net and its data.

    Raises:
        UsageError: scikit-learn is missing, there is no such layer, or there are too few images.
    """
    if importlib.util.find_spec("sklearn") is None:
        raise UsageError(
            "embedding needs scikit-learn", hint="python -m pip install 'alexcli[analysis]'"
        )
    net = with_layers(subject.net)
    shape = last_hidden_layer(net) if spec.layer is None else find_layer(net, spec.layer)
    dataset = subject.dataset(spec.images)
    rows = np.random.default_rng(0).permutation(len(dataset.val))[: spec.points]
    images = dataset.val.subset(np.sort(rows))
    if spec.perplexity >= len(images):
        raise UsageError(
            f"perplexity={spec.perplexity:g} must be less than the {plural(len(images), 'image')}",
            hint=f"perplexity={max(1, (len(images) - 1) // 3)}",
        )
    vectors = torch.cat(
        [
            subject.features(batch.images, shape.name, spec.at).cpu()
            for batch in subject.batches(images)
        ]
    ).numpy()
    plane = _embed(vectors, spec.perplexity)
    classes = [dataset.classes[label] for label in images.labels]
    name = f"{shape.name}, {spec.at.value}"
    return Analysis(
        title=f"t-SNE of {name}",
        tables=[
            _neighbor_table(name, subject.name, vectors, plane, images),
            _point_table(plane, classes, images),
        ],
        panels=[
            ScatterPanel(
                plane[:, 0].tolist(),
                plane[:, 1].tolist(),
                classes,
                _thumbnails(images) if spec.thumbnails else None,
            )
        ],
        caption=f"{len(images):,} images of {plural(len(set(classes)), 'class')}, by "
        f"{vectors.shape[1]:,} features of {name} (perplexity {spec.perplexity:g}, from principal "
        f"components). Distances between far groups mean nothing. Run {subject.name}.",
    )


def _embed(vectors: Vectors, perplexity: float) -> Vectors:
    """The embedding, (N, 2); the same for the same vectors."""
    from sklearn.manifold import TSNE  # type: ignore[import-untyped]

    tsne: Any = TSNE(perplexity=perplexity, init="pca", random_state=0, n_jobs=1)
    plane: Vectors = tsne.fit_transform(vectors)
    return plane


def _neighbor_table(
    name: str, run_name: str, vectors: Vectors, plane: Vectors, images: ImageSource
) -> Table:
    """The share of nearest images with the same class, by features and in the plane."""
    k = min(NEIGHBORS, len(images) - 1)
    by_space = {name: nearest_rows(vectors, k), "plane": nearest_rows(plane, k)}
    labels = images.labels
    shared_neighbors = np.mean(
        [
            len(set(first) & set(second)) / k
            for first, second in zip(*by_space.values(), strict=True)
        ]
    )
    return Table.from_records(
        f"neighbours of {plural(len(images), 'image')}, {run_name}",
        [
            {
                "space": space,
                "k": k,
                "same class": float((labels[rows] == labels[:, None]).mean()),
                "same neighbours": 1.0 if space == name else float(shared_neighbors),
            }
            for space, rows in by_space.items()
        ],
        "same class: of the k nearest images; same neighbours: of those among the features",
        fractions=("same class", "same neighbours"),
    )


def nearest_rows(vectors: Vectors, k: int) -> npt.NDArray[np.int64]:
    """(N, k), the nearest other vectors of each one."""
    points = torch.from_numpy(vectors)
    distances = exact_distances(points, points).fill_diagonal_(float("inf"))
    rows: npt.NDArray[np.int64] = distances.topk(k, largest=False).indices.numpy()
    return rows


def _point_table(plane: Vectors, classes: list[str], images: ImageSource) -> Table:
    """Every image with its position."""
    rows = [
        {"file": file, "class": name, "x": x, "y": y}
        for file, name, (x, y) in zip(images.names(), classes, plane.tolist(), strict=True)
    ]
    return Table.from_records("", rows, files_only=True)


def _thumbnails(images: ImageSource) -> npt.NDArray[np.uint8]:
    """(N, S, S, 3) uint8, the images reduced by taking every k-th pixel."""
    small = []
    for index in range(len(images)):
        (image,) = images.fetch([index])
        step = math.ceil(len(image) / THUMBNAIL_SIDE)
        small.append(image[::step, ::step])
    return np.stack(small)
