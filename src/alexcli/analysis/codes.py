"""The paper's last proposal: short binary codes by an auto-encoder, and search by their distance.

Legend: N vectors, Q vectors that are looked up, U units, k neighbours.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from alexcli.analysis.binary_codes import (
    CANDIDATES,
    Indices,
    Recall,
    learn_encoder,
    measure_recall,
    pack_signs,
    random_directions,
)
from alexcli.analysis.nearest import check_neighbor_count, exact_distances
from alexcli.analysis.subject import Subject
from alexcli.errors import UsageError, plural
from alexcli.model.activations import find_layer, last_hidden_layer, with_layers
from alexcli.records.analysis import Analysis, Level, Line, LinesPanel
from alexcli.schema import AnalyzeSpec
from alexcli.tables import Table

KEYS = ("layer", "nearest", "bits", "sample")
"""The keys of `AnalyzeSpec` that it reads."""
MOST_QUERIES = 200
FLOAT_BYTES = 4


@dataclass
class Vectors:
    """A layer's outputs for a sample of training images; the first Q are looked up in the rest."""

    all: Tensor
    """(Q + N, U) float32."""
    queries: int
    """Q."""

    @property
    def base(self) -> Tensor:
        """(N, U), the vectors to search."""
        return self.all[self.queries :]

    def standardized(self) -> "Vectors":
        """The vectors, scaled so that each unit has mean 0 and variance 1 over the base."""
        scale = self.base.std(dim=0).clamp_min(1e-6)
        return Vectors((self.all - self.base.mean(dim=0)) / scale, self.queries)


@dataclass
class CodeLength:
    """The recall of codes of one length."""

    bits: int
    """B."""
    learned: Recall
    """Recall of the auto-encoder's codes."""
    random: Recall
    """Recall of codes from random directions, which learn nothing."""


def run(spec: AnalyzeSpec, subject: Subject) -> Analysis:
    """Learn codes of each length from most of a sample, and look the others up.

    Args:
        spec: `bits`, `nearest`, `sample`, and `layer`; null for the last hidden one.
        subject: the net and its training set.

    Raises:
        UsageError: there is no such layer, there are too few images, or a length is not a whole
            number of bytes.
    """
    _check_bits(spec.bits)
    net = with_layers(subject.net)
    shape = last_hidden_layer(net) if spec.layer is None else find_layer(net, spec.layer)
    vectors = _sample(subject, shape.name, spec)
    exact, milliseconds = _exact_neighbors(vectors, spec.nearest)
    standardized = vectors.standardized()
    lengths = [_code_length(standardized, bits, exact) for bits in spec.bits]
    layer = f"{shape.name}, {subject.name}"
    count, units = vectors.base.shape
    return Analysis(
        title=f"Binary codes of {layer}",
        tables=[_table(f"binary codes of {layer}", spec.nearest, vectors, milliseconds, lengths)],
        panels=[_panel(lengths, count)],
        caption=f"Search by Hamming distance among {count:,} training images for "
        f"{vectors.queries:,} others; exact: the {spec.nearest} nearest by Euclidean distance in "
        f"{shape.name} ({units:,} units). Codes: an auto-encoder, and signs of random directions "
        f"beside it. Run {subject.name}.",
    )


def _check_bits(lengths: Sequence[int]) -> None:
    """Raise UsageError unless codes fill whole bytes."""
    if not lengths or any(bits < 8 or bits % 8 for bits in lengths):
        shown = ",".join(str(bits) for bits in lengths)
        raise UsageError(f"bits=[{shown}] must be multiples of 8", hint="bits=[8,32,128]")


def _sample(subject: Subject, layer: str, spec: AnalyzeSpec) -> Vectors:
    """Vectors of training images, in a fixed random order."""
    training_set = subject.training_set()
    order = np.random.default_rng(0).permutation(len(training_set))[: spec.sample]
    queries = max(1, min(MOST_QUERIES, len(order) // 5))
    check_neighbor_count(spec.nearest, len(order) - queries)
    batches = subject.batches(training_set.subset(order))
    features = torch.cat([subject.features(batch.images, layer) for batch in batches])
    return Vectors(features.cpu(), queries)


def _exact_neighbors(vectors: Vectors, k: int) -> tuple[Indices, float]:
    """The k nearest of each query by Euclidean distance, (Q, k), and milliseconds for a query."""
    base = vectors.base
    began = time.perf_counter()
    nearest = [
        exact_distances(query[None], base).topk(k, largest=False).indices
        for query in vectors.all[: vectors.queries]
    ]
    indices = torch.cat(nearest).numpy()
    return indices, 1e3 * (time.perf_counter() - began) / vectors.queries


def _code_length(vectors: Vectors, bits: int, exact: Indices) -> CodeLength:
    """Make codes of one length, and search by them.

    Args:
        vectors: standardized.
        bits: B.
        exact: (Q, k), from `_exact_neighbors`.
    """
    encode = learn_encoder(vectors.base, bits)
    directions = random_directions(vectors.all.shape[1], bits)
    return CodeLength(
        bits,
        learned=_recall(encode(vectors.all), vectors.queries, exact),
        random=_recall(vectors.all @ directions, vectors.queries, exact),
    )


def _recall(values: Tensor, queries: int, exact: Indices) -> Recall:
    """The recall of the signs of values, (Q + N, B), as codes."""
    codes = pack_signs(values)
    return measure_recall(codes[queries:], codes[:queries], exact)


def _table(
    title: str, k: int, vectors: Vectors, milliseconds: float, lengths: Sequence[CodeLength]
) -> Table:
    """The exact search, then each length of a code.

    Args:
        title: of the table.
        k: neighbours.
        vectors: the sample.
        milliseconds: of one exact search.
        lengths: of the codes.
    """
    count, units = vectors.base.shape
    among_first = f"recall in {k}"
    among_candidates = f"recall in {CANDIDATES}"
    rows: list[dict[str, Any]] = [
        {
            "code": "exact",
            "bytes": FLOAT_BYTES * units,
            among_first: 1.0,
            among_candidates: 1.0,
            "random directions": None,
            "ms": milliseconds,
        }
    ]
    for length in lengths:
        rows.append(
            {
                "code": f"{length.bits:,} bits",
                "bytes": length.bits // 8,
                among_first: length.learned.among_first,
                among_candidates: length.learned.among_candidates,
                "random directions": length.random.among_candidates,
                "ms": length.learned.milliseconds,
            }
        )
    return Table.from_records(
        title,
        rows,
        f"recall: share of the {k} exact neighbours among so many first candidates, over "
        f"{plural(vectors.queries, 'image')}; random directions: recall in {CANDIDATES} of codes "
        f"without learning; ms: of one query among {count:,} training images, on this machine",
        fractions=(among_first, among_candidates, "random directions"),
    )


def _panel(lengths: Sequence[CodeLength], count: int) -> LinesPanel:
    """Recall among the candidates against the length of the code.

    Args:
        lengths: of the codes.
        count: N, images that are searched.
    """
    bits = [length.bits for length in lengths]
    return LinesPanel(
        {
            "auto-encoder": Line(bits, [length.learned.among_candidates for length in lengths]),
            "random directions": Line(bits, [length.random.among_candidates for length in lengths]),
        },
        x_label="bits of a code",
        y_label=f"exact neighbours among the first {CANDIDATES}",
        y_unit="percent",
        log_x=True,
        level=Level(min(1.0, CANDIDATES / count), "images in any order"),
    )
