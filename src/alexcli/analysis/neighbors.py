"""Figure 4, right: training pictures nearest in the last hidden layer, and nearest in pixels.

Legend: Q pictures that are looked up, N training pictures of a batch, U units, k neighbours.
"""

from typing import Any

import torch
from torch import Tensor

from alexcli.analysis import Subject, worded
from alexcli.errors import UsageError
from alexcli.model.towers import activations, find_layer
from alexcli.results import Analysis, Panel
from alexcli.schema import AnalyzeSpec


class Nearest:
    """The k nearest of all that was seen, exactly, however much that was.

    Args:
        queries: (Q, U) float32.
        k: neighbours to keep.
    """

    def __init__(self, queries: Tensor, k: int) -> None:
        self.queries, self.k = queries, k
        self.distances = queries.new_empty((len(queries), 0))
        self.indices = torch.empty((len(queries), 0), dtype=torch.int64, device=queries.device)

    def add(self, values: Tensor, indices: Tensor) -> None:
        """values (N, U) float32, of the pictures `indices` (N,); memory stays (Q, k)."""
        # By differences: the shortcut through products loses close neighbours to rounding.
        found = torch.cdist(self.queries, values, compute_mode="donot_use_mm_for_euclid_dist")
        distances = torch.cat([self.distances, found], dim=1)
        every = torch.cat([self.indices, indices.to(found.device).expand(found.shape)], dim=1)
        best = distances.topk(min(self.k, distances.shape[1]), largest=False)
        self.distances, self.indices = best.values, every.gather(1, best.indices)


def run(spec: AnalyzeSpec, subject: Subject) -> Analysis:
    """Search the whole training set in one pass, by Euclidean distance.

    Args:
        spec: `nearest`, and `layer`; null for the last hidden one.
        subject: the net, its pictures and its training set.

    Raises:
        UsageError: no such layer, or fewer training pictures than neighbours.
    """
    training, k = subject.training(), spec.nearest
    layer = find_layer(subject.net, spec.layer, hidden=True).name
    check_count(k, len(training))
    images, files, labels = subject.pictures()

    def features(images: Tensor) -> Tensor:
        return activations(subject.net, subject.preprocess.view(images), [layer])[layer].flatten(1)

    spaces = {layer: Nearest(features(images), k), "pixels": Nearest(images.flatten(1).float(), k)}
    for batch in subject.stream(training):
        spaces[layer].add(features(batch.images), batch.indices)
        spaces["pixels"].add(batch.images.flatten(1).float(), batch.indices)
    panels, every, rows = [], [], []
    for name, space in spaces.items():
        indices = space.indices.cpu()
        near = [[subject.names[training.labels[i]] for i in row] for row in indices.tolist()]
        pairs = [(one, label) for row, label in zip(near, labels, strict=True) for one in row]
        known = [one == label for one, label in pairs if label is not None]
        alike = sum(known) / len(known) if known else None
        rows.append([name, k, alike, float(space.distances.mean())])
        for q, (file, label) in enumerate(zip(files, labels, strict=True)):
            found = zip(indices[q].tolist(), near[q], space.distances[q].tolist(), strict=True)
            every += [[name, file, label, rank, *one] for rank, one in enumerate(found, 1)]
        shown = torch.from_numpy(training.fetch(indices.flatten().tolist()))
        shown = shown.view(*indices.shape, *shown.shape[1:])
        sheet = torch.cat([images.cpu()[:, None], shown], dim=1)
        said = "" if alike is None else f", {100 * alike:.0f}% of the same class"
        words = [
            word
            for label, file, row in zip(labels, files, near, strict=True)
            for word in (label or file, *row)
        ]
        panels.append(Panel("tiles", f"nearest in {name}{said}", sheet.numpy(), columns=words))
    known_: dict[str, Any] = {"run": subject.name, "layer": layer, "count": len(training)}
    known_["units"] = spaces[layer].queries.shape[1]
    return worded("neighbors", [rows, every], panels, **known_)


def check_count(k: int, count: int) -> None:
    """UsageError unless there are so many neighbours."""
    if k > count:
        raise UsageError.of("analyze.too_few_neighbours", k=k, count=count, most=min(6, count))
