"""Short binary codes of vectors: how they are made, and how well they find neighbours.

Legend: N vectors, Q vectors that are looked up, U units, B bits, k neighbours.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

HIDDEN_UNITS = 256
EPOCHS = 15
BATCH_SIZE = 128
LEARNING_RATE = 1e-3
"""Adam's learning rate."""
CANDIDATES = 100
"""Number of vectors at the smallest Hamming distance among which neighbours are searched."""
ONES_IN_BYTE = np.array([byte.bit_count() for byte in range(256)], dtype=np.uint8)

Codes = npt.NDArray[np.uint8]
"""(N, B / 8), eight bits in a byte."""
Indices = npt.NDArray[np.int64]


@dataclass
class Recall:
    """How well codes find the exact neighbours, and how fast."""

    among_first: float
    """Fraction of the k exact neighbours among the first k candidates."""
    among_candidates: float
    """Fraction of the k exact neighbours among the first CANDIDATES."""
    milliseconds: float
    """Time of one query."""


def learn_encoder(x: Tensor, bits: int) -> Callable[[Tensor], Tensor]:
    """Train an auto-encoder whose code is binary.

    Batch norm balances the code, so that each bit splits the vectors. The decoder sees only
    signs; the gradient of the sign is that of tanh (straight-through).

    Args:
        x: (N, U) float32, of unit variance.
        bits: B; also the seed.

    Returns:
        The encoder, (N, U) -> (N, B) float32, whose signs are the code.
    """
    units = x.shape[1]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(bits)
        encoder = nn.Sequential(
            nn.Linear(units, HIDDEN_UNITS),
            nn.ReLU(),
            nn.Linear(HIDDEN_UNITS, bits),
            nn.BatchNorm1d(bits, affine=False),
        )
        decoder = nn.Sequential(
            nn.Linear(bits, HIDDEN_UNITS), nn.ReLU(), nn.Linear(HIDDEN_UNITS, units)
        )
        adam = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], LEARNING_RATE)
        for _ in range(EPOCHS):
            for rows in torch.split(torch.randperm(len(x)), BATCH_SIZE):
                if len(rows) == 1:  # batch norm has no variance of a single row
                    continue
                soft = torch.tanh(encoder(x[rows]))
                code = soft + (soft.sign() - soft).detach()
                adam.zero_grad()
                loss = F.mse_loss(decoder(code), x[rows])
                loss.backward()  # type: ignore[no-untyped-call]
                adam.step()
    encoder.eval()
    return torch.no_grad()(encoder)


def random_directions(units: int, bits: int) -> Tensor:
    """Directions, (U, B) float32; the signs of vectors' products with them are unlearned codes.

    Args:
        units: U.
        bits: B; also the seed.
    """
    return torch.randn(units, bits, generator=torch.Generator().manual_seed(bits))


def pack_signs(values: Tensor) -> Codes:
    """The signs of values, (N, B), as codes."""
    return np.packbits((values > 0).numpy(), axis=1)


def measure_recall(base: Codes, queries: Codes, exact: Indices) -> Recall:
    """Search codes by Hamming distance.

    Args:
        base: (N, B / 8), the codes to search.
        queries: (Q, B / 8), the codes to look up.
        exact: (Q, k), the exact neighbours of each query, by their positions in `base`.
    """
    began = time.perf_counter()
    among_first = 0
    among_candidates = 0
    for query, neighbors in zip(queries, exact, strict=True):
        distances = ONES_IN_BYTE[base ^ query].sum(axis=1, dtype=np.uint16)
        nearest = np.argpartition(distances, min(CANDIDATES, len(base)) - 1)[:CANDIDATES]
        nearest = nearest[np.argsort(distances[nearest], kind="stable")]
        among_candidates += int(np.isin(nearest, neighbors).sum())
        among_first += int(np.isin(nearest[: len(neighbors)], neighbors).sum())
    seconds = time.perf_counter() - began
    return Recall(
        among_first=among_first / exact.size,
        among_candidates=among_candidates / exact.size,
        milliseconds=1e3 * seconds / len(queries),
    )
