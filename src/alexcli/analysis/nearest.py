"""Exact nearest neighbours by Euclidean distance, in a stream of vectors.

Legend: Q vectors that are looked up, N vectors of a batch, U units, k neighbours.
"""

import torch
from torch import Tensor

from alexcli.errors import UsageError, plural

USUAL_NEIGHBORS = 6
"""Neighbours in the paper's Figure 4."""


def exact_distances(queries: Tensor, vectors: Tensor) -> Tensor:
    """Euclidean distances (Q, N) of vectors (Q, U) to others (N, U).

    Computed from differences: with matrix products, rounding loses close neighbours.
    """
    return torch.cdist(queries, vectors, compute_mode="donot_use_mm_for_euclid_dist")


class Nearest:
    """The k nearest of all vectors added so far; memory does not grow with their number.

    Args:
        queries: (Q, U) float32.
        k: neighbours to keep.
    """

    distances: Tensor
    """(Q, up to k) float32, the smallest first."""
    indices: Tensor
    """(Q, up to k) int64, the numbers of these vectors."""

    def __init__(self, queries: Tensor, k: int) -> None:
        self.queries = queries
        self.k = k
        self.distances = queries.new_empty((len(queries), 0))
        self.indices = torch.empty((len(queries), 0), dtype=torch.int64, device=queries.device)

    def add(self, vectors: Tensor, indices: Tensor) -> None:
        """Compare further vectors with the queries.

        Args:
            vectors: (N, U) float32.
            indices: (N,) int64, their numbers.
        """
        distances = exact_distances(self.queries, vectors)
        all_distances = torch.cat([self.distances, distances], dim=1)
        new_indices = indices.to(distances.device).expand(distances.shape)
        all_indices = torch.cat([self.indices, new_indices], dim=1)
        nearest = all_distances.topk(min(self.k, all_distances.shape[1]), largest=False)
        self.distances = nearest.values
        self.indices = all_indices.gather(1, nearest.indices)


def check_neighbor_count(k: int, count: int) -> None:
    """Check that k neighbours exist among `count` training images.

    Raises:
        UsageError: there are fewer.
    """
    if k > count:
        raise UsageError(
            f"nearest={k} asks for more neighbours than there are: "
            f"{plural(count, 'training image')}",
            hint=f"nearest={min(USUAL_NEIGHBORS, count)}",
        )
