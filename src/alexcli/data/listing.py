"""What a store was made from: a line a file, so that a changed source is noticed."""

import hashlib
import json
from pathlib import Path

import numpy as np
from xxhash import xxh3_64_hexdigest

from alexcli.data.chunks import Written
from alexcli.data.pictures import ArrayPictures, FilePictures, Pictures


def lines(splits: dict[str, Pictures]) -> list[str]:
    """Split, name, bytes and time of change of every file, as JSON; arrays by their content."""
    found = []
    for split, pictures in splits.items():
        if isinstance(pictures, FilePictures):
            stats = [path.stat() for path in pictures.paths]
            stamps: list[list[int | str]] = [[s.st_size, s.st_mtime_ns] for s in stats]
        else:
            assert isinstance(pictures, ArrayPictures)
            stamps = [[i.nbytes, xxh3_64_hexdigest(i)] for i in pictures.images]
        rows = zip(pictures.names(), stamps, pictures.labels.tolist(), strict=True)
        found += [json.dumps([split, name, *stamp, label]) for name, stamp, label in rows]
    return found


def digest(source: list[str]) -> str:
    """Identity of a listing."""
    return hashlib.sha256("\n".join(source).encode()).hexdigest()


def changes(before: list[str], now: list[str]) -> str:
    """What differs between two listings, in words."""
    old, new = ({tuple(json.loads(line)[:2]): line for line in part} for part in (before, now))
    added, removed = new.keys() - old.keys(), old.keys() - new.keys()
    changed = {name for name in old.keys() & new.keys() if old[name] != new[name]}
    parts = [("added", added), ("removed", removed), ("changed", changed)]
    said = [f"{len(n)} files {what} (such as {'/'.join(min(n))})" for what, n in parts if n]
    return ", ".join(said) or "the order of its files"


def write_index(path: Path, parts: list[Written]) -> None:
    """The index of a split, see `store.COLUMNS`."""
    counts = [len(part.rows) for part in parts]
    lengths = [np.asarray(part.lengths, dtype=np.int64) for part in parts]
    np.savez(
        path,
        allow_pickle=False,
        chunk=np.repeat(np.arange(len(parts), dtype=np.int64), counts),
        offset=np.concatenate([np.cumsum(sizes) - sizes for sizes in lengths]),
        length=np.concatenate(lengths),
        label=np.array([label for part in parts for label in part.labels], dtype=np.int64),
        row=np.array([row for part in parts for row in part.rows], dtype=np.int64),
    )
