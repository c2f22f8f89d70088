"""The prepared store: a manifest, chunks of plain bytes, and where in them each picture lies.

    manifest.json     classes, splits, chunks with their checksums, how it was made
    train.npz         chunk, offset, length, label and source row of each picture; val.npz, test.npz
    train-00000.bin   pictures one after another: raw uint8 (S, S, 3), or JPEG
    statistics.npz    of the training set
    source.jsonl      split, name, bytes and time of each file that it was made from

Nothing in it is executed: JSON, numbers, and pixels. A picture is read by its position (`pread`):
a random one took 7 microseconds where litdata, which fetches through its own queue of chunks, took
1,100; in order both read over 100,000 a second.
"""

import hashlib
import io
import json
import os
import re
import zipfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from xxhash import xxh3_128, xxh3_128_hexdigest

from alexcli.data.dataset import Dataset, digest
from alexcli.data.pictures import Images, Pictures, decode_jpeg
from alexcli.data.place import Place, descriptor, is_url
from alexcli.data.stats import Progress, Statistics
from alexcli.errors import UsageError
from alexcli.schema import Encoding

FORMAT, VERSION = "alexcli-store", 1
MANIFEST, PLAN, LISTING, STATISTICS = "manifest.json", "plan.json", "source.jsonl", "statistics.npz"
FOREIGN = "index.json"  # litdata's, whose items may be pickles
COLUMNS = ("chunk", "offset", "length", "label", "row")


@dataclass(frozen=True)
class Chunk:
    """A file of pictures."""

    file: str
    count: int
    bytes: int
    checksum: str


@dataclass(frozen=True)
class Manifest:
    """What a store says of itself."""

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


def is_store(root: str) -> bool:
    """Whether a folder or URL is to be read as a store, be it unfinished or of another program."""
    if is_url(root) or Path(root, "train").is_dir():
        return is_url(root)
    return any(Path(root, name).is_file() for name in (MANIFEST, PLAN, FOREIGN))


def read_manifest(place: Place) -> Manifest:
    """The manifest, checked before any chunk is opened.

    Raises:
        UsageError: no store, an unfinished one, one of a newer version, or one whose items are
            anything but pixels.
    """
    try:
        data = json.loads(place.read(MANIFEST))
        if data.get("format") != FORMAT:
            raise UsageError.of("store.no_manifest", place=place)
        if data["version"] > VERSION:
            raise UsageError.of(
                "store.newer", place=place, found=data["version"], known_version=VERSION
            )
        return parse_manifest(data)
    except FileNotFoundError:
        raise _no_store(place) from None
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise UsageError.of("store.manifest_damaged", place=place, error=error) from error


def parse_manifest(data: dict[str, Any]) -> Manifest:
    """A manifest from plain data; KeyError, TypeError or ValueError where it is damaged."""
    splits = {
        name: [
            Chunk(str(c["file"]), int(c["count"]), int(c["bytes"]), str(c["checksum"]))
            for c in chunks
        ]
        for name, chunks in data["splits"].items()
    }
    for needed in (LISTING, STATISTICS, *(f"{name}.npz" for name in ("train", *splits))):
        if needed not in data["files"] or "train" not in splits:
            raise ValueError(f"{needed} is missing")
    names = [c.file for chunks in splits.values() for c in chunks] + list(data["files"])
    for name in names:  # a manifest of a stranger must not name files outside its folder
        if not re.fullmatch(r"[a-z]+(-\d+)?\.(bin|npz|jsonl)", name):
            raise ValueError(f"{name!r} is no file name of a store")
    if data["encoding"] not in {e.value for e in Encoding}:
        raise ValueError(f"pictures in the format {data['encoding']!r}; raw and jpeg are read")
    return Manifest(
        encoding=Encoding(data["encoding"]),
        size=int(data["size"]),
        resize=str(data["resize"]),
        classes=[str(name) for name in data["classes"]],
        splits=splits,
        files={str(k): str(v) for k, v in data["files"].items()},
        skipped=int(data["skipped"]),
        note=data["note"],
    )


def _no_store(place: Place) -> UsageError:
    """Why a place without a manifest is no store."""
    root = Path(place.root)
    if not place.remote and (root / PLAN).exists():
        return UsageError.of("store.unfinished", root=root)
    if not place.remote and (root / FOREIGN).exists():
        kind = re.search(r'"data_format":\s*(\[[^\]]*\])', (root / FOREIGN).read_text())
        said = f" in the format {kind.group(1)}" if kind else ""
        return UsageError.of("store.foreign", root=root, said=said)
    return UsageError.of("store.none", place=place)


def read_index(data: bytes, what: str) -> dict[str, npt.NDArray[np.int64]]:
    """The columns of a split's index, each (N,) int64.

    Raises:
        UsageError: it cannot be read; arrays of objects are never read.
    """
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as stored:
            return {name: stored[name].astype(np.int64) for name in COLUMNS}
    except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise UsageError.of("store.index_damaged", what=what, error=error) from error


class StorePictures(Pictures):
    """A split of a store.

    Args:
        place: where the store lies.
        manifest: what it says of itself.
        split: train, val or test.

    Raises:
        UsageError: the index or a chunk is missing, or not what the manifest promises.
    """

    def __init__(self, place: Place, manifest: Manifest, split: str) -> None:
        self.place, self.manifest, self.split = place, manifest, split
        self.chunks = manifest.splits[split]
        self.paths: dict[int, Path] = {}
        name = f"{split}.npz"
        self.index = read_index(checked(place, name, manifest.files[name]), f"{place.root}/{name}")
        self.labels = self.index["label"]
        if problem := index_problem(self.index, self.chunks, len(manifest.classes)):
            raise UsageError.of("store.index_problem", place=place, name=name, problem=problem)
        if not place.remote:
            for chunk in self.chunks:
                path = Path(place.root) / chunk.file
                if not path.exists() or path.stat().st_size != chunk.bytes:
                    there = f"{path.stat().st_size} bytes" if path.exists() else "missing"
                    raise UsageError.of("store.chunk_size", path=path, there=there, chunk=chunk)

    def __len__(self) -> int:
        return len(self.labels)

    def fetch(self, indices: Sequence[int]) -> Images:
        """See Pictures."""
        side, wanted = self.manifest.size, np.asarray(indices)
        images = np.empty((len(wanted), side, side, 3), dtype=np.uint8)
        raw = self.manifest.encoding is Encoding.raw
        where = (self.index[name][wanted].tolist() for name in ("chunk", "offset", "length"))
        for index, image, chunk, offset, length in zip(wanted, images, *where, strict=True):
            file = descriptor(self._path(chunk)).number
            data = b"" if raw else os.pread(file, length, offset)
            if length != (os.preadv(file, [image], offset) if raw else len(data)):
                raise UsageError.of("store.chunk_short", path=self._path(chunk), index=index)
            if not raw:
                image[:] = decode_jpeg(data, side, f"picture {index} of {self.split}")
        return images

    def _path(self, chunk: int) -> Path:
        """A chunk on this machine's disk, fetched at first use."""
        if chunk not in self.paths:
            wanted = self.chunks[chunk]
            self.paths[chunk] = self.place.local(wanted.file, wanted.checksum)
        return self.paths[chunk]

    def names(self) -> list[str]:
        """See Pictures."""
        data = checked(self.place, LISTING, self.manifest.files[LISTING])
        rows = [json.loads(line) for line in data.splitlines()]
        names = [str(row[1]) for row in rows if row[0] == self.split]
        return [names[row] for row in self.index["row"]]

    def groups(self) -> list[npt.NDArray[np.int64]] | None:
        """The chunks of a remote store; a local one is equally near everywhere."""
        if not self.place.remote:
            return None
        order = np.argsort(self.index["chunk"], kind="stable")
        ends = np.cumsum(np.bincount(self.index["chunk"], minlength=len(self.chunks)))
        return [group for group in np.split(order, ends[:-1]) if len(group)]


def index_problem(
    index: dict[str, npt.NDArray[np.int64]], chunks: list[Chunk], classes: int
) -> str | None:
    """What in an index contradicts the manifest."""
    numbers, labels, offset = index["chunk"], index["label"], index["offset"]
    if len({len(column) for column in index.values()}) != 1:
        return "its columns differ in length"
    if (numbers < 0).any() or (numbers >= len(chunks)).any():
        return f"a picture lies in none of the {len(chunks)} chunks"
    if np.bincount(numbers, minlength=len(chunks)).tolist() != [c.count for c in chunks]:
        return f"{len(numbers)} pictures, not {sum(c.count for c in chunks)}"
    if (labels < 0).any() or (labels >= classes).any():
        return f"a label is outside the {classes} classes"
    sizes = np.array([chunk.bytes for chunk in chunks], dtype=np.int64)[numbers]
    if (offset < 0).any() or (offset + index["length"] > sizes).any():
        return "a picture lies outside its chunk"
    return None


def checked(place: Place, name: str, checksum: str) -> bytes:
    """A small file whose content is what the manifest promises."""
    try:
        data = place.read(name)
    except FileNotFoundError:
        raise UsageError.of("store.missing", place=place, name=name) from None
    if xxh3_128_hexdigest(data) != checksum:
        raise UsageError.of("store.other_content", place=place, name=name)
    return data


def open_store(root: str) -> Dataset:
    """A store as a data set.

    Args:
        root: local folder or URL.

    Raises:
        UsageError: see `read_manifest` and `StorePictures`.
    """
    place = Place(root)
    manifest = read_manifest(place)
    parts = {name: StorePictures(place, manifest, name) for name in manifest.splits}
    stored = checked(place, STATISTICS, manifest.files[STATISTICS])
    with np.load(io.BytesIO(stored), allow_pickle=False) as arrays:
        statistics = Statistics.from_arrays(arrays)
    identity = (manifest.fingerprint, manifest.size, manifest.resize)
    said = (manifest.note, manifest.skipped, statistics)
    return Dataset.of(manifest.classes, parts, *identity, *said)


def verify(root: str, progress: Progress | None = None) -> list[str]:
    """Read a whole store again and compare it with its manifest.

    Args:
        root: local folder or URL.
        progress: told (files done, all).

    Returns:
        What is wrong, one line a file; empty when all is well.

    Raises:
        UsageError: it has no readable manifest.
    """
    place = Place(root)
    manifest = read_manifest(place)
    promised: dict[str, tuple[str, int | None]] = {
        c.file: (c.checksum, c.bytes) for chunks in manifest.splits.values() for c in chunks
    }
    promised |= {name: (checksum, None) for name, checksum in manifest.files.items()}
    problems: dict[str, str] = {}
    with ThreadPoolExecutor() as pool:
        found = pool.map(lambda name: _problem(place, name, *promised[name]), promised)
        for done, (name, problem) in enumerate(zip(promised, found, strict=True), 1):
            if problem:
                problems[name] = problem
            if progress is not None:
                progress(done, len(promised))
    for split, chunks in manifest.splits.items():
        name = f"{split}.npz"
        if name not in problems:
            index = read_index(place.read(name), name)
            if problem := index_problem(index, chunks, len(manifest.classes)):
                problems[name] = f"{name}: {problem}"
    return list(problems.values())


def _problem(place: Place, name: str, checksum: str, size: int | None) -> str | None:
    """What is wrong with a file."""
    try:
        with place.open(name) as file:
            found, there = (
                hashlib.file_digest(file, xxh3_128).hexdigest(),
                file.seek(0, os.SEEK_END),
            )
    except FileNotFoundError:
        return f"{name} is missing"
    if size not in (None, there):
        return f"{name} has {there:,} bytes, not {size:,}"
    return None if found == checksum else f"{name} is not what was written: its checksum differs"
