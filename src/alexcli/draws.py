"""Random numbers that are a pure function of their key and position, on any device.

A generator's state depends on what was drawn before; these numbers depend on nothing but where
they are used, so that placements, loader processes and resumed runs agree. Thirty-two bits are
mixed by the finaliser of MurmurHash3 (A. Appleby, public domain).
"""

import hashlib
import math
from dataclasses import dataclass

import torch
from torch import Tensor

_BITS = 0xFFFFFFFF


@dataclass(frozen=True)
class At:
    """A place in training: what a dropout mask depends on besides layer and unit."""

    seed: int
    """The run's seed."""
    step: int
    """Updates made so far."""
    row: int = 0
    """Position in the global batch of the first picture of this process's batch."""


def key(*parts: int | str) -> int:
    """A 64-bit key from names and numbers."""
    text = "\0".join(map(str, parts)).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little")


def _mix(x: Tensor) -> Tensor:
    """Mix 32-bit values held in int64; products wrap and the low half stays right."""
    x = ((x ^ (x >> 16)) * 0x85EBCA6B) & _BITS
    x = ((x ^ (x >> 13)) * 0xC2B2AE35) & _BITS
    return x ^ (x >> 16)


def bits(key: int, rows: Tensor, columns: Tensor) -> Tensor:
    """Uniform integers in [0, 2**32) at the crossings of rows and columns.

    Args:
        key: from `key()`.
        rows: (N,) int64, each below 2**32.
        columns: (M,) int64, each below 2**32.

    Returns:
        (N, M) int64.
    """
    low, high = key & _BITS, key >> 32
    return _mix(_mix(rows ^ low)[:, None] ^ _mix(columns ^ high)[None, :])


def uniform(key: int, rows: Tensor, columns: int) -> Tensor:
    """(N, columns) float32 in [0, 1), one row for each of `rows` (int64)."""
    drawn = bits(key, rows, torch.arange(columns, device=rows.device))
    return (drawn >> 8).to(torch.float32) * 2.0**-24


def normal(key: int, rows: Tensor, columns: int) -> Tensor:
    """(N, columns) float32 from N(0, 1), by the transform of Box and Muller."""
    u = uniform(key, rows, 2 * columns)
    radius = torch.sqrt(-2 * torch.log1p(-u[:, :columns]))
    return radius * torch.cos(2 * math.pi * u[:, columns:])


def keep_mask(key: int, rows: Tensor, columns: Tensor, rate: float) -> Tensor:
    """(N, M) bool, False with probability `rate`."""
    return bits(key, rows, columns) >= round(rate * 2**32)
