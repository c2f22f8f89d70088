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

from alexcli.data.dataset import Dataset
from alexcli.data.pictures import VERIFY, Images, decode_jpeg
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


CHUNK: tuple[tuple[str, Any], ...] = (
    ("file", str),
    ("count", int),
    ("bytes", int),
    ("checksum", str),
)


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
        text = json.dumps([self.classes, self.size, chunks, index], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def is_store(root: str) -> bool:
    """Whether a folder or URL is to be read as a store, be it unfinished or of another program."""
    names = (MANIFEST, PLAN, FOREIGN)
    folder = Path(root)
    return is_url(root) or (
        any((folder / name).is_file() for name in names) and not (folder / "train").is_dir()
    )


def read_manifest(place: Place) -> Manifest:
    """The manifest, checked before any chunk is opened.

    Raises:
        UsageError: no store, an unfinished one, one of a newer version, or one whose items are
            anything but pixels.
    """
    try:
        data = json.loads(place.read(MANIFEST))
    except FileNotFoundError:
        raise _no_store(place) from None
    except ValueError as error:
        raise UsageError(f"{place.root}/{MANIFEST} is damaged: {error}") from error
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise UsageError(f"{place.root}/{MANIFEST} is not the manifest of a store")
    if not isinstance(data.get("version"), int) or data["version"] > VERSION:
        raise UsageError(
            f"{place.root} is a store of version {data.get('version')}, and this alexcli reads "
            f"up to version {VERSION}",
            hint="install a newer alexcli, or prepare the store again",
        )
    try:
        return parse_manifest(data)
    except (KeyError, TypeError, ValueError) as error:
        raise UsageError(
            f"{place.root}/{MANIFEST} is damaged: {error}", hint="prepare the store again"
        ) from error


def parse_manifest(data: dict[str, Any]) -> Manifest:
    """A manifest from plain data; KeyError, TypeError or ValueError where it is damaged."""
    splits = {
        name: [Chunk(*(kind(c[key]) for key, kind in CHUNK)) for c in chunks]
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
        return UsageError(
            f"{root} is not finished", hint=f"repeat `alexcli data prepare SOURCE {root}`"
        )
    if not place.remote and (root / FOREIGN).exists():
        kind = re.search(r'"data_format":\s*(\[[^\]]*\])', (root / FOREIGN).read_text())
        said = f" in the format {kind.group(1)}" if kind else ""
        return UsageError(
            f"{root} holds items of another program{said}; such items can execute code when they "
            "are read, and none was opened",
            hint="alexcli data prepare makes a store from picture files",
        )
    return UsageError(
        f"{root if not place.remote else place.root} holds no {MANIFEST}: it is not a store",
        hint="alexcli data prepare SOURCE DEST makes one",
    )


def read_index(data: bytes, what: str) -> dict[str, npt.NDArray[np.int64]]:
    """The columns of a split's index, each (N,) int64.

    Raises:
        UsageError: it cannot be read; arrays of objects are never read.
    """
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as stored:
            return {name: stored[name].astype(np.int64) for name in COLUMNS}
    except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise UsageError(f"{what} is damaged: {error}", hint=VERIFY) from error


class StorePictures:
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
        for problem in index_problems(self.index, self.chunks, len(manifest.classes)):
            raise UsageError(f"{place.root}/{name}: {problem}", hint=VERIFY)
        if not place.remote:
            for chunk in self.chunks:
                path = Path(place.root) / chunk.file
                if not path.exists() or path.stat().st_size != chunk.bytes:
                    there = f"{path.stat().st_size} bytes" if path.exists() else "missing"
                    raise UsageError(f"{path} is {there}, not {chunk.bytes} bytes", hint=VERIFY)

    def __len__(self) -> int:
        return len(self.labels)

    def fetch(self, indices: Sequence[int]) -> Images:
        """See Pictures."""
        side, wanted = self.manifest.size, np.asarray(indices)
        images = np.empty((len(wanted), side, side, 3), dtype=np.uint8)
        raw = self.manifest.encoding is Encoding.raw
        where = (self.index[name][wanted].tolist() for name in ("chunk", "offset", "length"))
        for row, (chunk, offset, length) in enumerate(zip(*where, strict=True)):
            file = descriptor(self._path(chunk)).number
            if raw:
                read = os.preadv(file, [images[row]], offset)
            else:
                data = os.pread(file, length, offset)
                read = len(data)
            if read != length:
                path, index = self._path(chunk), wanted[row]
                raise UsageError(f"{path} ends before picture {index}", hint=VERIFY)
            if not raw:
                images[row] = decode_jpeg(data, side, f"picture {wanted[row]} of {self.split}")
        return images

    def _path(self, chunk: int) -> Path:
        """A chunk on this machine's disk, fetched at first use."""
        if chunk not in self.paths:
            self.paths[chunk] = self.place.local(
                self.chunks[chunk].file, self.chunks[chunk].checksum
            )
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


def index_problems(
    index: dict[str, npt.NDArray[np.int64]], chunks: list[Chunk], classes: int
) -> list[str]:
    """What in an index contradicts the manifest."""
    problems = []
    numbers = index["chunk"]
    if len({len(column) for column in index.values()}) != 1:
        problems.append("its columns differ in length")
    elif (numbers < 0).any() or (numbers >= len(chunks)).any():
        problems.append(f"a picture lies in none of the {len(chunks)} chunks")
    elif np.bincount(numbers, minlength=len(chunks)).tolist() != [c.count for c in chunks]:
        problems.append(f"{len(numbers)} pictures, not {sum(c.count for c in chunks)}")
    elif (index["label"] < 0).any() or (index["label"] >= classes).any():
        problems.append(f"a label is outside the {classes} classes")
    else:
        sizes = np.array([chunk.bytes for chunk in chunks], dtype=np.int64)[numbers]
        if (index["offset"] < 0).any() or (index["offset"] + index["length"] > sizes).any():
            problems.append("a picture lies outside its chunk")
    return problems


def checked(place: Place, name: str, checksum: str) -> bytes:
    """A small file whose content is what the manifest promises."""
    try:
        data = place.read(name)
    except FileNotFoundError:
        raise UsageError(f"{place.root}/{name} is missing", hint=VERIFY) from None
    if xxh3_128_hexdigest(data) != checksum:
        raise UsageError(f"{place.root}/{name} is not what the manifest promises", hint=VERIFY)
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
    held_out = parts.get("test", parts.get("val"))
    return Dataset(
        classes=manifest.classes,
        train=parts["train"],
        val=parts.get("val", held_out or parts["train"]),
        test=held_out,
        fingerprint=manifest.fingerprint,
        size=manifest.size,
        resize=manifest.resize,
        note=manifest.note,
        skipped=manifest.skipped,
        statistics=statistics,
    )


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
    problems = []
    with ThreadPoolExecutor() as pool:
        found = pool.map(lambda name: _content(place, name), promised)
        for done, (name, content) in enumerate(zip(promised, found, strict=True), 1):
            problems += _difference(name, content, *promised[name])
            if progress is not None:
                progress(done, len(promised))
    for split, chunks in manifest.splits.items():
        if not any(problem.startswith(f"{split}.npz") for problem in problems):
            index = read_index(place.read(f"{split}.npz"), f"{split}.npz")
            classes = len(manifest.classes)
            problems += [f"{split}.npz: {p}" for p in index_problems(index, chunks, classes)]
    return problems


def _content(place: Place, name: str) -> tuple[str, int] | None:
    """Checksum and size of a file, or None where it is missing."""
    content, size = xxh3_128(), 0
    try:
        with place.open(name) as file:
            while block := file.read(1 << 20):
                content.update(block)
                size += len(block)
    except FileNotFoundError:
        return None
    return content.hexdigest(), size


def _difference(
    name: str, found: tuple[str, int] | None, checksum: str, size: int | None
) -> list[str]:
    if found is None:
        return [f"{name} is missing"]
    if size is not None and found[1] != size:
        return [f"{name} has {found[1]:,} bytes, not {size:,}"]
    return [] if found[0] == checksum else [f"{name} is not what was written: its checksum differs"]
