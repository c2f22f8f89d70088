"""The images of a store, read by index from its chunks."""

import copy
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy as np

from alexcli.data.arrays import ImageArray, IndexArray
from alexcli.data.dataset import Dataset
from alexcli.data.decode import decode_jpeg
from alexcli.data.images import ImageSource
from alexcli.data.store import DAMAGED_HINT, LISTING, Store, is_url
from alexcli.data.store_chunks import LocalChunks, open_for_reading, unreadable
from alexcli.data.store_index import read_index
from alexcli.data.store_manifest import read_manifest
from alexcli.data.store_statistics import read_statistics
from alexcli.errors import UsageError, plural
from alexcli.json_text import parse_json
from alexcli.schema import Encoding


class StoreImages(ImageSource):
    """The images of a split of a store.

    Args:
        store: its manifest.
        split: train, val or test.
        check_chunks: compare each chunk with its checksum when it is first read.

    Raises:
        UsageError: the index or a chunk is missing, or does not match the manifest.
    """

    def __init__(self, store: Store, split: str, *, check_chunks: bool = True) -> None:
        self.store = store
        self.split = split
        self.chunks = store.splits[split]
        self.index = read_index(store, split)
        self.labels = self.index["label"]
        self._local_chunks = LocalChunks(store.root, self.chunks, check=check_chunks)
        if not is_url(store.root):
            check_chunk_sizes(store, split)

    def fetch(self, indices: Sequence[int]) -> ImageArray:
        """See ImageSource."""
        rows = np.asarray(indices)
        side = self.store.size
        images = np.empty((len(rows), side, side, 3), dtype=np.uint8)
        chunks = self.index["chunk"][rows].tolist()
        offsets = self.index["offset"][rows].tolist()
        lengths = self.index["length"][rows].tolist()
        read = self._read_raw if self.store.encoding is Encoding.raw else self._read_jpeg
        for row, image, chunk, offset, length in zip(
            rows, images, chunks, offsets, lengths, strict=True
        ):
            path = self._local_chunks.path(chunk)
            try:
                read(row, path, offset, length, image)
            except OSError as error:
                raise unreadable(path, error) from error
        return images

    def _read_raw(self, row: int, path: Path, offset: int, length: int, image: ImageArray) -> None:
        """Read raw pixels straight into `image`, (S, S, 3)."""
        if os.preadv(open_for_reading(path).descriptor, [image.data], offset) != length:
            raise UsageError(f"{path} ends before image {row}", hint=DAMAGED_HINT)

    def _read_jpeg(self, row: int, path: Path, offset: int, length: int, image: ImageArray) -> None:
        """Read and decode a JPEG into `image`, (S, S, 3)."""
        content = os.pread(open_for_reading(path).descriptor, length, offset)
        if len(content) != length:
            raise UsageError(f"{path} ends before image {row}", hint=DAMAGED_HINT)
        image[:] = decode_jpeg(content, self.store.size, f"image {row} of {self.split}")

    def subset(self, rows: IndexArray) -> Self:
        """See ImageSource."""
        subset = copy.copy(self)
        subset.index = {name: column[rows] for name, column in self.index.items()}
        subset.labels = subset.index["label"]
        return subset

    def names(self) -> list[str]:
        """See ImageSource."""
        names = read_names(self.store, self.split)
        rows = self.index["row"]
        if len(rows) and not (rows.min() >= 0 and rows.max() < len(names)):
            raise UsageError(
                f"{self.store.root}/{LISTING} names {plural(len(names), 'image')} of {self.split}, "
                "but the index expects more",
                hint=DAMAGED_HINT,
            )
        return [names[row] for row in rows]

    def groups(self) -> list[IndexArray] | None:
        """The chunks of a remote store; all images of a local one are equally near."""
        if not is_url(self.store.root):
            return None
        chunks = self.index["chunk"]
        order = np.argsort(chunks, kind="stable")
        return np.split(order, np.flatnonzero(np.diff(chunks[order])) + 1)


def open_store(root: str, *, check_chunks: bool = True) -> Dataset:
    """Open a store as a data set.

    Args:
        root: local folder or URL.
        check_chunks: compare each chunk with its checksum when it is first read.

    Raises:
        UsageError: see `read_manifest` and `StoreImages`.
    """
    store = read_manifest(root)
    splits = {split: StoreImages(store, split, check_chunks=check_chunks) for split in store.splits}
    return Dataset.from_splits(
        store.classes,
        splits,
        fingerprint=store.fingerprint,
        size=store.size,
        resize=store.resize,
        note=store.note,
        skipped=store.skipped,
        statistics=read_statistics(store),
    )


def read_names(store: Store, split: str) -> list[str]:
    """The names of a split's source files, in the order of the listing.

    Raises:
        UsageError: the listing is missing or damaged.
    """
    names = []
    for number, line in enumerate(store.read(LISTING).splitlines(), 1):
        try:
            entry = parse_json(line)
            is_entry = isinstance(entry, list) and len(entry) > 1
        except ValueError:
            is_entry = False
        if not is_entry or not isinstance(entry[1], str):
            raise UsageError(
                f"{store.root}/{LISTING}, line {number:,}, names no image", hint=DAMAGED_HINT
            )
        if entry[0] == split:
            names.append(entry[1])
    return names


def check_chunk_sizes(store: Store, split: str) -> None:
    """Raise UsageError unless each chunk of a local store has the size in the manifest."""
    for chunk in store.splits[split]:
        path = Path(store.root, chunk.file)
        state = plural(path.stat().st_size, "byte") if path.exists() else "missing"
        promised = plural(chunk.bytes, "byte")
        if state != promised:
            raise UsageError(f"{path} is {state}, not {promised}", hint=DAMAGED_HINT)
