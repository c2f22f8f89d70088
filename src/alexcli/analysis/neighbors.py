"""Figure 4, right: training pictures nearest in the last hidden layer, and nearest in pixels.

Legend: Q pictures that are looked up, N training pictures of a batch, U units, k neighbours.
"""

import numpy as np
import torch
from torch import Tensor

from alexcli.analysis import Subject, worded
from alexcli.errors import UsageError
from alexcli.model.towers import find_layer
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

    def views(images: Tensor) -> tuple[Tensor, Tensor]:
        return subject.features(images, layer), images.flatten(1).float()

    spaces = [Nearest(values, k) for values in views(images)]
    for batch in subject.stream(training):
        for space, values in zip(spaces, views(batch.images), strict=True):
            space.add(values, batch.indices)
    panels, every, rows = [], [], []
    for name, space in zip((layer, "pixels"), spaces, strict=True):
        indices, words, same = space.indices.tolist(), [], []
        for q, (file, label) in enumerate(zip(files, labels, strict=True)):
            near = [subject.names[training.labels[i]] for i in indices[q]]
            found = zip(indices[q], near, space.distances[q].tolist(), strict=True)
            every += [[name, file, label, rank, *one] for rank, one in enumerate(found, 1)]
            words += [label or file, *near]
            same += [] if label is None else [one == label for one in near]
        alike = sum(same) / len(same) if same else None
        rows.append([name, k, alike, float(space.distances.mean())])
        said = "" if alike is None else f", {100 * alike:.0f}% of the same class"
        shown = [training.fetch(row) for row in indices]
        tiles = np.concatenate([images.cpu().numpy()[:, None], shown], axis=1)
        panels.append(Panel("tiles", f"nearest in {name}{said}", tiles, columns=words))
    units, count = spaces[0].queries.shape[1], len(training)
    about = {"subject": subject, "layer": layer, "units": units, "count": count}
    return worded("neighbors", [rows, every], about, panels)


def check_count(k: int, count: int) -> None:
    """UsageError unless there are so many neighbours."""
    if k > count:
        raise UsageError.of("analyze.too_few_neighbours", k=k, count=count, most=min(6, count))
