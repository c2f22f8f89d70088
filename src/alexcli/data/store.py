"""The prepared store: a manifest, chunks of plain bytes, and where in them each picture lies.

    manifest.json     classes, splits, chunks with their checksums, how it was made
    train.npz         chunk, offset, length, label and source row of each picture; val.npz, test.npz
    train-00000.bin   pictures one after another: raw uint8 (S, S, 3), or JPEG
    statistics.npz    of the training set
    source.jsonl      split, name, bytes and time of each file that it was made from

It lies in a local folder or behind a URL such as s3://bucket/store. Nothing in it is executed:
JSON, numbers, and pixels. A picture is read by its position (`pread`): a random one took 7
microseconds where litdata, which fetches through its own queue of chunks, took 1,100; in order both
read over 100,000 a second.
"""

import copy
import io
import json
import os
import re
import weakref
import zipfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Self

import numpy as np
from filelock import FileLock
from xxhash import xxh3_128_hexdigest

from alexcli.data.cache import cache_dir, place
from alexcli.data.dataset import Dataset, Progress, Statistics, digest
from alexcli.data.pictures import Images, Pictures, Rows, decode_jpeg
from alexcli.errors import UsageError, plural
from alexcli.schema import Encoding

FORMAT, VERSION = "alexcli-store", 1
MANIFEST, PLAN, LISTING, STATISTICS = "manifest.json", "plan.json", "source.jsonl", "statistics.npz"
FOREIGN = "index.json"  # litdata's, whose items may be pickles
READERS = 8  # of a store that is verified, each with a chunk in memory
COLUMNS = ("chunk", "offset", "length", "label", "row")
DRIVERS = {"s3": "s3fs", "gs": "gcsfs", "gcs": "gcsfs"}


@dataclass(frozen=True)
class Chunk:
    """A file of pictures."""

    file: str
    count: int
    bytes: int
    checksum: str


@dataclass(frozen=True)
class Store:
    """What a store says of itself, and where it lies."""

    root: str
    """Local folder or URL."""
    encoding: Encoding
    size: int
    resize: str
    classes: list[str]
    splits: dict[str, list[Chunk]]
    files: dict[str, str]
    """Checksum of each file that is not a chunk."""
    skipped: int
    note: str | None

    @property
    def fingerprint(self) -> str:
        """Identity of the pictures, their classes and their order."""
        chunks = {name: [c.checksum for c in found] for name, found in self.splits.items()}
        index = {name: self.files[f"{name}.npz"] for name in self.splits}
        return digest([self.classes, self.size, chunks, index])

    def read(self, name: str) -> bytes:
        """A small file whose content is what the manifest promises; UsageError where it is not."""
        try:
            data = _read(self.root, name)
        except FileNotFoundError:
            raise UsageError.of("store.missing", root=self.root, name=name) from None
        if xxh3_128_hexdigest(data) != self.files[name]:
            raise UsageError.of("store.other_content", root=self.root, name=name)
        return data


def is_url(root: str) -> bool:
    """Whether it names something that is not a local folder."""
    return "://" in root


def is_store(root: str) -> bool:
    """Whether a folder or URL is to be read as a store, be it unfinished or of another program."""
    if is_url(root) or Path(root, "train").is_dir():
        return is_url(root)
    return any(Path(root, name).is_file() for name in (MANIFEST, PLAN, FOREIGN))


def _read(root: str, name: str) -> bytes:
    """The content of a file; UsageError says why it cannot be reached."""
    where = f"{root.rstrip('/')}/{name}"
    if not is_url(root):
        return Path(where).read_bytes()
    import fsspec  # type: ignore[import-untyped]

    kind = where.partition("://")[0]
    try:
        with fsspec.open(where, "rb") as file:
            return bytes(file.read())
    except ImportError as error:
        driver = DRIVERS.get(kind, error.name)
        raise UsageError.of("store.driver", kind=kind, driver=driver) from error
    except FileNotFoundError:
        raise
    except Exception as error:  # each service has kinds of its own
        raise UsageError.of("store.unreachable", where=where, error=error) from error


def read_manifest(root: str) -> Store:
    """What a store says of itself, checked before any chunk is opened.

    Raises:
        UsageError: no store, an unfinished one, one of a newer version, or one whose items are
            anything but pixels.
    """
    try:
        data = json.loads(_read(root, MANIFEST))
        if data.get("format") != FORMAT:
            raise UsageError.of("store.no_manifest", root=root)
        if (found := data["version"]) > VERSION:
            raise UsageError.of("store.newer", root=root, found=found, known_version=VERSION)
        return _parsed(root, data)
    except FileNotFoundError:
        raise _no_store(root) from None
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise UsageError.of("store.manifest_damaged", root=root, error=error) from error


def _parsed(root: str, data: dict[str, Any]) -> Store:
    """A manifest from plain data; KeyError, TypeError or ValueError where it is damaged."""
    kinds = Chunk.__annotations__.items()
    splits = {
        name: [Chunk(**{key: kind(chunk[key]) for key, kind in kinds}) for chunk in chunks]
        for name, chunks in data["splits"].items()
    }
    for needed in (LISTING, STATISTICS, *(f"{name}.npz" for name in ("train", *splits))):
        if needed not in data["files"] or "train" not in splits:
            raise ValueError(f"{needed} is missing")
    for name in (*(c.file for chunks in splits.values() for c in chunks), *data["files"]):
        # A manifest of a stranger must not name files outside its folder.
        if not re.fullmatch(r"[a-z]+(-\d+)?\.(bin|npz|jsonl)", name):
            raise ValueError(f"{name!r} is no file name of a store")
    if data["encoding"] not in list(Encoding):
        raise ValueError(f"pictures in the format {data['encoding']!r}; raw and jpeg are read")
    return Store(
        root=root,
        encoding=Encoding(data["encoding"]),
        size=int(data["size"]),
        resize=str(data["resize"]),
        classes=[str(name) for name in data["classes"]],
        splits=splits,
        files={name: str(checksum) for name, checksum in data["files"].items()},
        skipped=int(data["skipped"]),
        note=data["note"],
    )


def _no_store(root: str) -> UsageError:
    """Why a place without a manifest is no store; behind a URL only the manifest is looked for."""
    folder = Path(root)
    if (folder / PLAN).exists():
        return UsageError.of("store.unfinished", root=folder)
    if (folder / FOREIGN).exists():
        kind = re.search(r'"data_format":\s*(\[[^\]]*\])', (folder / FOREIGN).read_text())
        said = f" in the format {kind.group(1)}" if kind else ""
        return UsageError.of("store.foreign", root=folder, said=said)
    return UsageError.of("store.none", root=root)


@lru_cache(maxsize=256)
class Descriptor:
    """An open file, kept for the next picture and closed when nobody uses it any more.

    A thread that still reads from one that is dropped here holds it open. Reading names its own
    position, so processes that share one after a fork do not disturb each other.
    """

    def __init__(self, path: Path) -> None:
        self.number = os.open(path, os.O_RDONLY)
        weakref.finalize(self, os.close, self.number)


def _local(root: str, chunk: Chunk) -> Path:
    """A chunk on this machine's disk; a remote one is fetched once, by its content.

    Raises:
        UsageError: what was fetched is not what the manifest promises, or there is no room for it.
    """
    if not is_url(root):
        return Path(root, chunk.file)
    path = cache_dir() / "chunks" / chunk.checksum
    path.parent.mkdir(exist_ok=True)
    with FileLock(path.with_suffix(".lock")):
        if not path.exists():
            content = _read(root, chunk.file)
            if xxh3_128_hexdigest(content) != chunk.checksum:
                raise UsageError.of("store.fetched_other", root=root, name=chunk.file)
            try:
                place(path, content)
            except OSError as error:
                raise UsageError.of("data.cache_unwritable", path=path, error=error) from error
    return path


class StorePictures(Pictures):
    """A split of a store.

    Args:
        store: what it says of itself.
        split: train, val or test.

    Raises:
        UsageError: the index or a chunk is missing, or not what the manifest promises.
    """

    def __init__(self, store: Store, split: str) -> None:
        self.store, self.split, self.chunks = store, split, store.splits[split]
        self.paths: dict[int, Path] = {}
        root, name = store.root, f"{split}.npz"
        self.index = _index(store.read(name), f"{root}/{name}")
        self.labels = self.index["label"]
        if problem := _index_problem(self.index, self.chunks, len(store.classes)):
            raise UsageError.of("store.index_problem", root=root, name=name, problem=problem)
        for chunk in [] if is_url(root) else self.chunks:
            path = Path(root, chunk.file)
            there = f"{path.stat().st_size} bytes" if path.exists() else "missing"
            if there != f"{chunk.bytes} bytes":
                raise UsageError.of("store.chunk_size", path=path, there=there, chunk=chunk)

    def fetch(self, indices: Sequence[int]) -> Images:
        """See Pictures."""
        side, wanted = self.store.size, np.asarray(indices)
        images = np.empty((len(wanted), side, side, 3), dtype=np.uint8)
        raw = self.store.encoding is Encoding.raw
        where = (self.index[name][wanted].tolist() for name in ("chunk", "offset", "length"))
        for index, image, chunk, offset, length in zip(wanted, images, *where, strict=True):
            if chunk not in self.paths:
                self.paths[chunk] = _local(self.store.root, self.chunks[chunk])
            file = Descriptor(self.paths[chunk])
            data = b"" if raw else os.pread(file.number, length, offset)
            if length != (os.preadv(file.number, [image], offset) if raw else len(data)):
                raise UsageError.of("store.chunk_short", path=self.paths[chunk], index=index)
            if not raw:
                image[:] = decode_jpeg(data, side, f"picture {index} of {self.split}")
        return images

    def part(self, rows: Rows) -> Self:
        """See Pictures."""
        part = copy.copy(self)
        part.index = {name: column[rows] for name, column in self.index.items()}
        part.labels = part.index["label"]
        return part

    def names(self) -> list[str]:
        """See Pictures."""
        rows = [json.loads(line) for line in self.store.read(LISTING).splitlines()]
        names = [str(row[1]) for row in rows if row[0] == self.split]
        return [names[row] for row in self.index["row"]]

    def groups(self) -> list[Rows] | None:
        """The chunks of a remote store; a local one is equally near everywhere."""
        if not is_url(self.store.root):
            return None
        order = np.argsort(self.index["chunk"], kind="stable")
        return np.split(order, np.flatnonzero(np.diff(self.index["chunk"][order])) + 1)


def _index(data: bytes, what: str) -> dict[str, Rows]:
    """The columns of a split's index, each (N,) int64; arrays of objects are never read."""
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as stored:
            return {name: stored[name].astype(np.int64) for name in COLUMNS}
    except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise UsageError.of("store.index_damaged", what=what, error=error) from error


def _index_problem(index: dict[str, Rows], chunks: list[Chunk], classes: int) -> str | None:
    """What in an index contradicts the manifest."""
    numbers, labels, offset = index["chunk"], index["label"], index["offset"]
    if len({len(column) for column in index.values()}) != 1:
        return "its columns differ in length"
    if (numbers < 0).any() or (numbers >= len(chunks)).any():
        return f"a picture lies in none of the {len(chunks)} chunks"
    if np.bincount(numbers, minlength=len(chunks)).tolist() != [c.count for c in chunks]:
        return f"{plural(len(numbers), 'picture')}, not {sum(c.count for c in chunks)}"
    if (labels < 0).any() or (labels >= classes).any():
        return f"a label is outside the {classes} classes"
    sizes = np.array([chunk.bytes for chunk in chunks], dtype=np.int64)[numbers]
    if (offset < 0).any() or (offset + index["length"] > sizes).any():
        return "a picture lies outside its chunk"
    return None


def open_store(root: str) -> Dataset:
    """A store as a data set.

    Args:
        root: local folder or URL.

    Raises:
        UsageError: see `read_manifest` and `StorePictures`.
    """
    store = read_manifest(root)
    parts = {name: StorePictures(store, name) for name in store.splits}
    with np.load(io.BytesIO(store.read(STATISTICS)), allow_pickle=False) as arrays:
        statistics = Statistics.from_arrays(arrays)
    identity = (store.fingerprint, store.size, store.resize)
    return Dataset.of(store.classes, parts, *identity, store.note, store.skipped, statistics)


def verify(root: str, progress: Progress = lambda *_: None) -> list[str]:
    """Read a whole store again and compare it with its manifest.

    Args:
        root: local folder or URL.
        progress: told (files done, all).

    Returns:
        What is wrong, one line a file; empty when all is well.

    Raises:
        UsageError: it has no readable manifest.
    """
    store = read_manifest(root)
    chunks = {c.file: c for part in store.splits.values() for c in part}
    promised = {name: chunk.checksum for name, chunk in chunks.items()} | store.files

    def problem(name: str) -> str | None:
        try:
            data = _read(root, name)
        except FileNotFoundError:
            return f"{name} is missing"
        if name in chunks and len(data) != chunks[name].bytes:
            return f"{name} has {len(data):,} bytes, not {chunks[name].bytes:,}"
        if xxh3_128_hexdigest(data) != promised[name]:
            return f"{name} is not what was written: its checksum differs"
        split = name.removesuffix(".npz")
        if split not in store.splits:
            return None
        wrong = _index_problem(_index(data, name), store.splits[split], len(store.classes))
        return f"{name}: {wrong}" if wrong else None

    problems = []
    with ThreadPoolExecutor(READERS) as pool:
        for done, found in enumerate(pool.map(problem, promised), 1):
            problems.append(found)
            progress(done, len(promised))
    return [found for found in problems if found]
