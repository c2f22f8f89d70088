"""Random numbers that are a pure function of a key and a position, on any device.

The state of a generator depends on what was drawn before. These numbers depend only on where they
are used, so that placements, loader processes and resumed runs agree. Their 32 bits are mixed by
the finaliser of MurmurHash3 (A. Appleby, public domain).

Legend: N rows, M columns.
"""

import hashlib
import math
from dataclasses import dataclass

import torch
from torch import Tensor

_LOW_32_BITS = 0xFFFFFFFF


@dataclass(frozen=True)
class DropoutContext:
    """The position in training: a dropout mask depends on it, its layer and its unit."""

    seed: int
    """The run's seed."""
    step: int
    """Updates made so far."""
    row: int = 0
    """Position in the global batch of the first image of this process's batch."""


def stream_key(*parts: int | str) -> int:
    """The key of a random stream.

    Args:
        parts: names and numbers that identify the stream, such as "crop", seed, epoch.

    Returns:
        64 bits, as a non-negative integer.
    """
    text = "\0".join(map(str, parts)).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little")


def _mix(x: Tensor) -> Tensor:
    """Mix 32-bit values held in int64: products overflow, and their low 32 bits stay correct."""
    x = ((x ^ (x >> 16)) * 0x85EBCA6B) & _LOW_32_BITS
    x = ((x ^ (x >> 13)) * 0xC2B2AE35) & _LOW_32_BITS
    return x ^ (x >> 16)


def bits(key: int, rows: Tensor, columns: Tensor) -> Tensor:
    """Uniform integers in [0, 2**32), one for each pair of a row and a column.

    Args:
        key: of the stream, from `stream_key()`.
        rows: (N,) int64, each below 2**32.
        columns: (M,) int64, each below 2**32.

    Returns:
        (N, M) int64.
    """
    low_key = key & _LOW_32_BITS
    high_key = key >> 32
    return _mix(_mix(rows ^ low_key)[:, None] ^ _mix(columns ^ high_key)[None, :])


def uniform(key: int, rows: Tensor, columns: int) -> Tensor:
    """Uniform numbers in [0, 1).

    Args:
        key: of the stream, from `stream_key()`.
        rows: (N,) int64, each below 2**32.
        columns: M.

    Returns:
        (N, M) float32.
    """
    integers = bits(key, rows, torch.arange(columns, device=rows.device))
    return (integers >> 8).to(torch.float32) * 2.0**-24  # float32 holds 24 bits exactly


def normal(key: int, rows: Tensor, columns: int) -> Tensor:
    """Standard normal numbers, by the Box-Muller transform.

    Args:
        key: of the stream, from `stream_key()`.
        rows: (N,) int64, each below 2**32.
        columns: M.

    Returns:
        (N, M) float32.
    """
    uniforms = uniform(key, rows, 2 * columns)
    radius = torch.sqrt(-2 * torch.log1p(-uniforms[:, :columns]))
    return radius * torch.cos(2 * math.pi * uniforms[:, columns:])


def keep_mask(key: int, rows: Tensor, columns: Tensor, rate: float) -> Tensor:
    """The mask of the units that dropout keeps.

    Args:
        key: of the stream, from `stream_key()`.
        rows: (N,) int64, each below 2**32.
        columns: (M,) int64, each below 2**32.
        rate: probability of dropping, 0 to 1.

    Returns:
        (N, M) bool, False with probability `rate`.
    """
    return bits(key, rows, columns) >= round(rate * 2**32)
