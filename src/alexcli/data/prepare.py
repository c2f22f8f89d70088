"""From a folder of photographs as they come to a store; interrupted, it goes on where it was."""

import csv
import hashlib
import json
import platform
import shutil
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import PIL
from filelock import FileLock, Timeout
from xxhash import xxh3_64_hexdigest

from alexcli.data import chunks, store
from alexcli.data.chunks import Task, Written
from alexcli.data.dataset import Dataset
from alexcli.data.pictures import ArrayPictures, FilePictures, Pictures
from alexcli.data.place import Place, file_checksum
from alexcli.data.stats import EMPTY, Sums
from alexcli.data.store import LISTING, MANIFEST, PLAN, STATISTICS
from alexcli.errors import RunFailedError, UsageError
from alexcli.results import Reporter
from alexcli.schema import Encoding, OnError, PrepareSpec

ORDER_SEED = 0  # training pictures are stored in a shuffled order, so that each chunk is a mixture
REPORT = "undecodable.csv"


def prepare(dataset: Dataset, dest: Path, spec: PrepareSpec, reporter: Reporter) -> bool:
    """Write a store.

    Args:
        dataset: opened, nothing decoded yet; its pictures are files or arrays.
        dest: a new or empty folder, or one that an earlier attempt left.
        spec: encoding and what to do with a picture that cannot be decoded.
        reporter: told how it goes.

    Returns:
        Whether there was anything to do.

    Raises:
        UsageError: `dest` holds something else; the source has changed since; pictures that cannot
            be decoded (all are in `undecodable.csv`).
        RunFailedError: a full disk; what was finished stays.
    """
    splits, spec = _splits(dataset), replace(spec, size=dataset.size)
    source = _listing(splits)
    plan = _plan(dataset, spec, source)
    _refuse_foreign(dest)
    with _writing(dest):
        if (dest / MANIFEST).exists() or (dest / PLAN).exists():
            if _finished(dest, plan, source):
                return False
        else:
            _check_room(dest, splits, spec)
            (dest / LISTING).write_text("\n".join(source) + "\n", encoding="utf-8")
            chunks.place(dest / PLAN, json.dumps(plan).encode())
        written, sums = _write(dest, splits, spec, reporter)
        skipped = _report(dest, written, spec)
        if not sums.count:
            raise UsageError.of("prepare.nothing", report=dest / REPORT)
        np.savez(dest / STATISTICS, allow_pickle=False, **sums.statistics().arrays())
        _finish(dest, dataset, written, plan, skipped)
    return True


def _splits(dataset: Dataset) -> dict[str, Pictures]:
    """The splits that a store holds; one that stands in for another is kept once."""
    found: dict[str, Pictures] = {"train": dataset.train}
    if dataset.val is not dataset.train:
        found["val"] = dataset.val
    if dataset.test is not None and all(dataset.test is not p for p in found.values()):
        found["test"] = dataset.test
    return found


def _listing(splits: dict[str, Pictures]) -> list[str]:
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


def _plan(dataset: Dataset, spec: PrepareSpec, source: list[str]) -> dict[str, Any]:
    """What decides the store's content, as plain data."""
    return {
        "format": store.FORMAT,
        "version": store.VERSION,
        "encoding": spec.encoding.value,
        "quality": spec.quality if spec.encoding is Encoding.jpeg else 0,
        "size": dataset.size,
        "resize": dataset.resize,
        "classes": dataset.classes,
        "source": hashlib.sha256("\n".join(source).encode()).hexdigest(),
    }


def _refuse_foreign(dest: Path) -> None:
    """UsageError where `dest` is anything but a new folder, an empty one, or a store begun."""
    if dest.exists() and not dest.is_dir():
        raise UsageError.of("prepare.file", dest=dest)
    there = {p.name for p in dest.iterdir()} - {".lock", LISTING} if dest.exists() else set()
    for name in there & {MANIFEST, PLAN}:
        try:
            if json.loads((dest / name).read_text(encoding="utf-8")).get("format") == store.FORMAT:
                return
        except (ValueError, AttributeError):
            continue
    if there:
        raise UsageError.of("prepare.foreign", dest=dest, there=sorted(there)[:3])


def _finished(dest: Path, plan: dict[str, Any], source: list[str]) -> bool:
    """Whether a store that was begun is whole; UsageError where it is or becomes something else."""
    finished = (dest / MANIFEST).exists()
    if finished:
        store.read_manifest(Place(str(dest)))  # refuses a newer one
    kept = json.loads((dest / (MANIFEST if finished else PLAN)).read_text(encoding="utf-8"))
    if kept["source"] != plan["source"]:
        before = (dest / LISTING).read_text(encoding="utf-8").splitlines()
        raise UsageError.of("prepare.source_changed", dest=dest, changes=_changes(before, source))
    for key in ("size", "resize", "encoding", "quality", "classes"):
        if kept[key] != plan[key]:
            raise UsageError.of(
                "prepare.other_settings", dest=dest, key=key, kept=kept[key], now=plan[key]
            )
    if finished:
        store.open_store(str(dest))
    return finished


def _changes(before: list[str], now: list[str]) -> str:
    """What differs between two listings, in words."""
    old, new = ({tuple(json.loads(line)[:2]): line for line in part} for part in (before, now))
    added, removed = new.keys() - old.keys(), old.keys() - new.keys()
    changed = {name for name in old.keys() & new.keys() if old[name] != new[name]}
    parts = [("added", added), ("removed", removed), ("changed", changed)]
    said = [f"{len(n)} files {what} (such as {'/'.join(min(n))})" for what, n in parts if n]
    return ", ".join(said) or "the order of its files"


def _check_room(dest: Path, splits: dict[str, Pictures], spec: PrepareSpec) -> None:
    """UsageError before anything is written where raw pictures cannot fit."""
    if spec.encoding is not Encoding.raw:
        return
    needed = sum(len(pictures) for pictures in splits.values()) * spec.size**2 * 3
    free = shutil.disk_usage(dest).free
    if needed > free:
        raise UsageError.of("prepare.room", dest=dest, needed=needed / 1e9, free=free / 1e9)


def _tasks(dest: Path, split: str, pictures: Pictures, spec: PrepareSpec) -> Iterator[Task]:
    """The chunks of a split, in order."""
    order = np.arange(len(pictures))
    if split == "train":
        order = np.random.default_rng(ORDER_SEED).permutation(len(pictures))
    size = spec.size**2 * 3 // (1 if spec.encoding is Encoding.raw else 7)
    step = chunks.chunk_pictures(len(order), size)
    for number, start in enumerate(range(0, len(order), step)):
        rows = order[start : start + step].tolist()
        file = dest / f"{split}-{number:05}.bin"
        yield Task(split, _part(pictures, rows), rows, file, spec)


def _part(pictures: Pictures, rows: list[int]) -> Pictures:
    """Some pictures alone, small enough to be sent to another process."""
    if isinstance(pictures, FilePictures):
        paths = [pictures.paths[row] for row in rows]
        return replace(pictures, paths=paths, labels=pictures.labels[rows])
    assert isinstance(pictures, ArrayPictures)
    return ArrayPictures(pictures.images[rows], pictures.labels[rows])


def _write(
    dest: Path, splits: dict[str, Pictures], spec: PrepareSpec, reporter: Reporter
) -> tuple[dict[str, list[Written]], Sums]:
    """Write all chunks that are not there yet, on all cores, and sum up the training set."""
    tasks = [task for split, part in splits.items() for task in _tasks(dest, split, part, spec)]
    written: dict[str, list[Written]] = {split: [] for split in splits}
    sums, total, done = EMPTY, sum(len(task.rows) for task in tasks), 0
    pool = ProcessPoolExecutor(spec.processes, initializer=chunks.begin_process)
    try:
        for task, (found, part) in zip(tasks, pool.map(chunks.make_chunk, tasks), strict=True):
            written[task.split].append(found)
            sums, done = sums + part, done + len(task.rows)
            reporter.counted("preparing", done, total)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
    return written, sums


def _report(dest: Path, written: dict[str, list[Written]], spec: PrepareSpec) -> int:
    """List what cannot be decoded; how many there are."""
    bad = [
        (split, name, reason)
        for split, parts in written.items()
        for part in parts
        for name, reason in part.undecodable
    ]
    (dest / REPORT).unlink(missing_ok=True)
    if bad:
        with (dest / REPORT).open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([("split", "name", "reason"), *bad])
    if bad and spec.on_error is OnError.fail:
        first = "; ".join([reason for _, _, reason in bad[:3]] + ["..."] * (len(bad) > 3))
        raise UsageError.of("prepare.undecodable", bad=bad, first=first, report=dest / REPORT)
    return len(bad)


def _finish(
    dest: Path,
    dataset: Dataset,
    written: dict[str, list[Written]],
    plan: dict[str, Any],
    skipped: int,
) -> None:
    """Index and, last of all, the manifest."""
    for split, parts in written.items():
        chunks.write_index(dest / f"{split}.npz", parts)
    names = [LISTING, STATISTICS, *(f"{split}.npz" for split in written)]
    manifest = plan | {
        "splits": {split: [asdict(p.chunk) for p in parts] for split, parts in written.items()},
        "files": {name: file_checksum(dest / name) for name in names},
        "skipped": skipped,
        "note": dataset.note,
        "versions": {
            "python": platform.python_version(),
            "pillow": PIL.__version__,
            "numpy": np.__version__,
        },
    }
    chunks.place(dest / MANIFEST, json.dumps(manifest, indent=1).encode())
    for left in (dest / PLAN, *dest.glob("*-?????.json"), *dest.glob("*.tmp")):
        left.unlink(missing_ok=True)


@contextmanager
def _writing(dest: Path) -> Iterator[None]:
    """One process at a time; says what could not be written, and that the same command goes on."""
    try:
        dest.mkdir(parents=True, exist_ok=True)
        with FileLock(dest / ".lock", timeout=0):
            yield
    except Timeout as error:
        raise UsageError.of("prepare.locked", dest=dest) from error
    except OSError as error:
        raise RunFailedError.of(
            "prepare.unwritable", file=error.filename or dest, why=error.strerror or error
        ) from error
