"""From photographs as they come to a store; interrupted, it goes on where it was."""

import csv
import hashlib
import json
import platform
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import PIL
from filelock import FileLock, Timeout

from alexcli.data import chunks, store
from alexcli.data.chunks import Written
from alexcli.data.dataset import Dataset
from alexcli.data.pictures import Originals
from alexcli.data.sources import open_source
from alexcli.data.store import LISTING, MANIFEST, PLAN, STATISTICS
from alexcli.errors import RunFailedError, UsageError
from alexcli.memory import reuse_memory
from alexcli.results import Prepared, Reporter
from alexcli.schema import Encoding, OnError, PrepareSpec

REPORT = "undecodable.csv"


def prepare(source: str, dest: str, spec: PrepareSpec, reporter: Reporter) -> Prepared:
    """Make a store of a folder of photographs, or go on where an earlier attempt stopped.

    Args:
        source: a folder, or `cifar10` or `imagenette`.
        dest: a local folder.
        spec: how pictures are resized and kept.
        reporter: told how it goes.

    Raises:
        UsageError: nothing to read; see also `write_store`.
        RunFailedError: a full disk.
    """
    if store.is_url(dest):
        raise UsageError.of("prepare.url", dest=dest)
    reuse_memory()
    began = time.monotonic()
    dataset = open_source(source, spec)
    if dataset.note:
        reporter.note(f"data: {dataset.note}")
    try:
        worked = write_store(dataset, Path(dest), spec, reporter)
    finally:
        reporter.close()
    made = store.read_manifest(dest)
    return Prepared(
        directory=dest,
        encoding=made.encoding.value,
        resize=made.resize,
        classes=len(made.classes),
        counts={split: sum(c.count for c in parts) for split, parts in made.splits.items()},
        bytes=sum(c.bytes for parts in made.splits.values() for c in parts),
        skipped=made.skipped,
        fingerprint=made.fingerprint,
        seconds=time.monotonic() - began,
        worked=worked,
    )


def write_store(dataset: Dataset, dest: Path, spec: PrepareSpec, reporter: Reporter) -> bool:
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
    splits = cast(dict[str, Originals], dataset.splits())
    spec = replace(spec, size=dataset.size)
    source = []
    for split, part in splits.items():
        rows = zip(part.names(), part.stamps(), part.labels.tolist(), strict=True)
        source += [json.dumps([split, name, *stamp, label]) for name, stamp, label in rows]
    plan = {  # all that decides the store's content
        "format": store.FORMAT,
        "version": store.VERSION,
        "encoding": spec.encoding.value,
        "quality": spec.quality if spec.encoding is Encoding.jpeg else 0,
        "size": dataset.size,
        "resize": dataset.resize,
        "classes": dataset.classes,
        "source": hashlib.sha256("\n".join(source).encode()).hexdigest(),
    }
    _begun(dest)  # where it refuses, not even the lock is written
    with _writing(dest):
        if begun := _begun(dest):
            _same(dest, begun, plan, source)
            if "splits" in begun:  # a manifest, which is written last
                return False
        else:
            _check_room(dest, sum(map(len, splits.values())), spec)
            (dest / LISTING).write_text("\n".join(source) + "\n", encoding="utf-8")
            chunks.place(dest / PLAN, json.dumps(plan).encode())
        written, sums = chunks.write_chunks(dest, splits, spec, reporter)
        skipped = _report(dest, written, spec)
        if not sums.count:
            raise UsageError.of("prepare.nothing", report=dest / REPORT)
        np.savez(dest / STATISTICS, allow_pickle=False, **sums.statistics().arrays())
        _finish(dest, written, plan, {"skipped": skipped, "note": dataset.note})
    return True


def _begun(dest: Path) -> dict[str, Any] | None:
    """The manifest, or else the plan, of a store begun; None where `dest` is new or empty.

    Raises:
        UsageError: it is anything else.
    """
    if dest.exists() and not dest.is_dir():
        raise UsageError.of("prepare.file", dest=dest)
    there = {p.name for p in dest.iterdir()} - {".lock", LISTING} if dest.exists() else set()
    for name in (MANIFEST, PLAN):
        with suppress(FileNotFoundError, ValueError, AttributeError):
            begun: dict[str, Any] = json.loads((dest / name).read_text(encoding="utf-8"))
            if begun.get("format") == store.FORMAT:
                return begun
    if there:
        raise UsageError.of("prepare.foreign", dest=dest, there=sorted(there)[:3])
    return None


def _same(dest: Path, begun: dict[str, Any], plan: dict[str, Any], source: list[str]) -> None:
    """UsageError where a store that was begun is damaged, newer, or becomes something else."""
    if "splits" in begun:
        store.open_store(str(dest))
    if begun["source"] != plan["source"]:
        before = (dest / LISTING).read_text(encoding="utf-8").splitlines()
        raise UsageError.of("prepare.source_changed", dest=dest, changes=_changes(before, source))
    for key, now in plan.items():
        if begun[key] != now:
            raise UsageError.of(
                "prepare.other_settings", dest=dest, key=key, kept=begun[key], now=now
            )


def _changes(before: list[str], now: list[str]) -> str:
    """What differs between two listings, in words."""
    old, new = ({tuple(json.loads(line)[:2]): line for line in part} for part in (before, now))
    added, removed = new.keys() - old.keys(), old.keys() - new.keys()
    changed = {name for name in old.keys() & new.keys() if old[name] != new[name]}
    parts = [("added", added), ("removed", removed), ("changed", changed)]
    said = [f"{len(n)} files {what} (such as {'/'.join(min(n))})" for what, n in parts if n]
    return ", ".join(said) or "the order of its files"


def _check_room(dest: Path, count: int, spec: PrepareSpec) -> None:
    """UsageError before anything is written where raw pictures cannot fit."""
    needed, free = count * spec.size**2 * 3, shutil.disk_usage(dest).free
    if spec.encoding is Encoding.raw and needed > free:
        raise UsageError.of("prepare.room", dest=dest, needed=needed / 1e6, free=free / 1e6)


def _report(dest: Path, written: dict[str, list[Written]], spec: PrepareSpec) -> int:
    """List what cannot be decoded; how many there are."""
    bad = [(s, *found) for s, parts in written.items() for p in parts for found in p.undecodable]
    (dest / REPORT).unlink(missing_ok=True)
    if bad:
        with (dest / REPORT).open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([("split", "name", "reason"), *bad])
    if bad and spec.on_error is OnError.fail:
        first = "; ".join([reason for _, _, reason in bad[:3]] + ["..."] * (len(bad) > 3))
        raise UsageError.of("prepare.undecodable", bad=bad, first=first, report=dest / REPORT)
    return len(bad)


def _finish(
    dest: Path, written: dict[str, list[Written]], plan: dict[str, Any], said: dict[str, Any]
) -> None:
    """Indices and, last of all, the manifest."""
    for split, parts in written.items():
        np.savez(dest / f"{split}.npz", allow_pickle=False, **chunks.index(parts))
    versions = {
        "python": platform.python_version(),
        "pillow": PIL.__version__,
        "numpy": np.__version__,
    }
    names = [LISTING, STATISTICS, *(f"{split}.npz" for split in written)]
    manifest = {
        **plan,
        "splits": {split: [asdict(p.chunk) for p in parts] for split, parts in written.items()},
        "files": {name: store.file_checksum(dest / name) for name in names},
        **said,
        "versions": versions,
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
