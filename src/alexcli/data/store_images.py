"""The images of a store, read by index from its chunks."""

import copy
import io
import json
import os
import weakref
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Self

import numpy as np
from filelock import FileLock
from xxhash import xxh3_128_hexdigest

from alexcli.data.arrays import ImageArray, IndexArray
from alexcli.data.dataset import Dataset
from alexcli.data.decode import decode_jpeg
from alexcli.data.images import ImageSource
from alexcli.data.statistics import Statistics
from alexcli.data.store import (
    DAMAGED_HINT,
    LISTING,
    STATISTICS,
    Chunk,
    Store,
    is_url,
    read_file,
    read_manifest,
)
from alexcli.data.store_index import read_index
from alexcli.errors import UsageError, plural
from alexcli.files import CACHE_HINT, cache_dir, write_atomic, writing
from alexcli.schema import Encoding


class StoreImages(ImageSource):
    """The images of a split of a store.

    Args:
        store: its manifest.
        split: train, val or test.

    Raises:
        UsageError: the index or a chunk is missing, or not what the manifest promises.
    """

    def __init__(self, store: Store, split: str) -> None:
        self.store = store
        self.split = split
        self.chunks = store.splits[split]
        self.index = read_index(store, split)
        self.labels = self.index["label"]
        self._paths: dict[int, Path] = {}  # number of a chunk -> where it lies on this machine
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
            read(row, self._path(chunk), offset, length, image)
        return images

    def _path(self, chunk: int) -> Path:
        """Where a chunk lies on this machine."""
        if chunk not in self._paths:
            self._paths[chunk] = local_path(self.store.root, self.chunks[chunk])
        return self._paths[chunk]

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
        listing = [json.loads(line) for line in self.store.read(LISTING).splitlines()]
        names = [str(name) for split, name, *_ in listing if split == self.split]
        return [names[row] for row in self.index["row"]]

    def groups(self) -> list[IndexArray] | None:
        """The chunks of a remote store; all images of a local one are equally near."""
        if not is_url(self.store.root):
            return None
        chunks = self.index["chunk"]
        order = np.argsort(chunks, kind="stable")
        return np.split(order, np.flatnonzero(np.diff(chunks[order])) + 1)


def open_store(root: str) -> Dataset:
    """Open a store as a data set.

    Args:
        root: local folder or URL.

    Raises:
        UsageError: see `read_manifest` and `StoreImages`.
    """
    store = read_manifest(root)
    splits = {split: StoreImages(store, split) for split in store.splits}
    with np.load(io.BytesIO(store.read(STATISTICS)), allow_pickle=False) as arrays:
        statistics = Statistics.from_arrays(arrays)
    return Dataset.from_splits(
        store.classes,
        splits,
        fingerprint=store.fingerprint,
        size=store.size,
        resize=store.resize,
        note=store.note,
        skipped=store.skipped,
        statistics=statistics,
    )


def check_chunk_sizes(store: Store, split: str) -> None:
    """UsageError unless each chunk of a local store has as many bytes as the manifest promises."""
    for chunk in store.splits[split]:
        path = Path(store.root, chunk.file)
        state = plural(path.stat().st_size, "byte") if path.exists() else "missing"
        promised = plural(chunk.bytes, "byte")
        if state != promised:
            raise UsageError(f"{path} is {state}, not {promised}", hint=DAMAGED_HINT)


def local_path(root: str, chunk: Chunk) -> Path:
    """Where a chunk lies on this machine; a remote one is fetched once, and named by its content.

    Raises:
        UsageError: what was fetched is not what the manifest promises, or cannot be written.
    """
    if not is_url(root):
        return Path(root, chunk.file)
    path = cache_dir() / "chunks" / chunk.checksum
    path.parent.mkdir(exist_ok=True)
    with FileLock(path.with_suffix(".lock")):
        if not path.exists():
            content = read_file(root, chunk.file)
            if xxh3_128_hexdigest(content) != chunk.checksum:
                raise UsageError(
                    f"{root}/{chunk.file} is not what its manifest promises",
                    hint=f"alexcli data verify {root}",
                )
            with writing(f"the cache file {path}", hint=CACHE_HINT):
                write_atomic(path, content)
    return path


class OpenFile:
    """A file that is open for reading, and is closed when nothing refers to it any more.

    Reading names its own position, so processes that share a descriptor after a fork do not
    disturb each other.
    """

    def __init__(self, path: Path) -> None:
        self.descriptor = os.open(path, os.O_RDONLY)
        weakref.finalize(self, os.close, self.descriptor)


@lru_cache(maxsize=256)
def open_for_reading(path: Path) -> OpenFile:
    """An open file, kept for the next image; a thread that still reads holds it open."""
    return OpenFile(path)
