"""The index of a split of a store: the position and label of each image."""

import numpy as np

from alexcli.data.arrays import IndexArray
from alexcli.data.npz import Expected, read_arrays
from alexcli.data.store import DAMAGED_HINT, Chunk, Store
from alexcli.errors import UsageError, plural

COLUMNS = ("chunk", "offset", "length", "label", "row")
"""Chunk number, offset and length in bytes, class, and row in the listing of the split."""

StoreIndex = dict[str, IndexArray]
"""Each of COLUMNS, (N,) int64."""


def read_index(store: Store, split: str) -> StoreIndex:
    """The index of a split, checked against the manifest.

    Raises:
        UsageError: it is missing, damaged, or contradicts the manifest.
    """
    name = f"{split}.npz"
    index = parse_index(store.read(name), f"{store.root}/{name}")
    problem = index_problem(index, store.splits[split], len(store.classes))
    if problem:
        raise UsageError(f"{store.root}/{name}: {problem}", hint=DAMAGED_HINT)
    return index


def parse_index(content: bytes, name: str) -> StoreIndex:
    """Read the columns of an index; only integers are accepted.

    Args:
        content: the bytes of the npz file.
        name: name of the file in errors.

    Raises:
        UsageError: it is damaged.
    """
    try:
        columns = read_arrays(content, dict.fromkeys(COLUMNS, Expected("i", (None,))))
    except ValueError as error:
        raise UsageError(f"{name} is damaged: {error}", hint=DAMAGED_HINT) from error
    return {column: array.astype(np.int64) for column, array in columns.items()}


def index_problem(index: StoreIndex, chunks: list[Chunk], classes: int) -> str | None:
    """How an index contradicts the manifest; None if it does not.

    Args:
        index: of a split.
        chunks: those of the split.
        classes: number of classes.
    """
    if len({len(column) for column in index.values()}) != 1:
        return "its columns differ in length"
    numbers = index["chunk"]
    if (numbers < 0).any() or (numbers >= len(chunks)).any():
        return f"an image's chunk is not one of the {len(chunks):,} chunks"
    counts = [chunk.count for chunk in chunks]
    if len(numbers) != sum(counts):
        return f"{plural(len(numbers), 'image')}, not {sum(counts):,}"
    if np.bincount(numbers, minlength=len(chunks)).tolist() != counts:
        return "a chunk holds another number of images than the manifest says"
    labels = index["label"]
    if (labels < 0).any() or (labels >= classes).any():
        return f"a label is outside the {classes:,} classes"
    offsets = index["offset"]
    lengths = index["length"]
    chunk_bytes = np.array([chunk.bytes for chunk in chunks], dtype=np.int64)[numbers]
    # Not offset + length, which may overflow 64 bits.
    is_outside = (offsets < 0) | (lengths < 0) | (lengths > chunk_bytes)
    if (is_outside | (offsets > chunk_bytes - lengths)).any():
        return "an image lies outside its chunk"
    return None
