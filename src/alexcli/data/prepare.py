"""From photographs as they come to a store; interrupted, it goes on where it was.

Processes of their own write its chunks: decode, resize, encode, read back.
"""

import csv
import hashlib
import io
import json
import os
import platform
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import PIL
from filelock import FileLock, Timeout
from PIL import Image
from xxhash import xxh3_128, xxh3_128_hexdigest

from alexcli.data import store
from alexcli.data.cache import place, whole_file
from alexcli.data.dataset import EMPTY, Dataset, Sums
from alexcli.data.pictures import Images, Originals, Rows, decode_jpeg
from alexcli.data.sources import open_source
from alexcli.data.store import COLUMNS, LISTING, MANIFEST, PLAN, STATISTICS, Chunk
from alexcli.errors import RunFailedError, UsageError, plural
from alexcli.memory import reuse_memory
from alexcli.results import Analysis, Reporter, Table
from alexcli.schema import Encoding, OnError, PrepareSpec

REPORT = "undecodable.csv"
ORDER_SEED = 0  # training pictures are stored in a shuffled order, so that each chunk is a mixture
# Large enough that a file's opening costs nothing, small enough to be fetched from afar at once.
CHUNK_BYTES, CHUNK_PICTURES = 64 << 20, 1024
AT_ONCE = 128  # pictures decoded and then summed up: 50 MB with their copy
PARTS = 64  # a small set is still cut into pieces enough for many cores


@dataclass
class Written:
    """What became of a chunk: the note beside it."""

    file: str
    bytes: int
    checksum: str
    rows: list[int]
    """Of the listing, those that could not be decoded left out."""
    labels: list[int]
    lengths: list[int]
    undecodable: list[tuple[str, str]]
    """Name and reason."""


def prepare(source: str, dest: str, spec: PrepareSpec, reporter: Reporter) -> Analysis:
    """Make a store of a folder of photographs, or go on where an earlier attempt stopped.

    Args:
        source: a folder, or `cifar10` or `imagenette`.
        dest: a local folder.
        spec: how pictures are resized and kept.
        reporter: told how it goes.

    Returns:
        Its data: `{directory, encoding, resize, classes, counts, bytes, skipped, fingerprint,
        seconds, worked}`; `counts` are pictures by split, `bytes` those of all chunks, `skipped`
        pictures that could not be decoded; `worked` is false where it was finished before.

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
    with closing(reporter):
        worked = write_store(dataset, Path(dest), spec, reporter)
    made, seconds = store.read_manifest(dest), time.monotonic() - began
    counts = {split: sum(c.count for c in parts) for split, parts in made.splits.items()}
    size = sum(c.bytes for parts in made.splits.values() for c in parts)
    note = f"{dest}: {made.encoding.value}, {size / 1e6:,.0f} MB, {len(made.classes)} classes, "
    note += made.resize
    if worked:
        note += f"; {sum(counts.values()) / seconds:,.0f} pictures/s"
    data = {
        "directory": dest,
        "encoding": made.encoding.value,
        "resize": made.resize,
        "classes": len(made.classes),
        "counts": counts,
        "bytes": size,
        "skipped": made.skipped,
        "fingerprint": made.fingerprint,
        "seconds": seconds,
        "worked": worked,
    }
    table = Table("store", ["split", "pictures"], [*map(list, counts.items())], note=note)
    return Analysis(table.title, [table], data=data)


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
            needed = sum(map(len, splits.values())) * spec.size**2 * 3
            free = shutil.disk_usage(dest).free
            if spec.encoding is Encoding.raw and needed > free:
                raise UsageError.of("prepare.room", dest=dest, needed=needed / 1e6, free=free / 1e6)
            (dest / LISTING).write_text("\n".join(source) + "\n", encoding="utf-8")
            place(dest / PLAN, json.dumps(plan).encode())
        written, sums = write_chunks(dest, splits, spec, reporter)
        skipped = _report(dest, written, spec)
        if not sums.count:
            raise UsageError.of("prepare.nothing", report=dest / REPORT)
        np.savez(dest / STATISTICS, allow_pickle=False, **vars(sums.statistics()))
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
        old, new = ({tuple(json.loads(line)[:2]): line for line in x} for x in (before, source))
        added, removed = new.keys() - old.keys(), old.keys() - new.keys()
        changed = {name for name in old.keys() & new.keys() if old[name] != new[name]}
        parts = [("added", added), ("removed", removed), ("changed", changed)]
        said = [(plural(len(n), "file"), what, "/".join(min(n))) for what, n in parts if n]
        changes = ", ".join(f"{count} {what} (such as {name})" for count, what, name in said)
        changes = changes or "the order of its files"
        raise UsageError.of("prepare.source_changed", dest=dest, changes=changes)
    for key, now in plan.items():
        if (kept := begun[key]) != now:
            raise UsageError.of("prepare.other_settings", dest=dest, key=key, kept=kept, now=now)


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
        columns = [
            ([n] * len(p.rows), np.cumsum(p.lengths) - p.lengths, p.lengths, p.labels, p.rows)
            for n, p in enumerate(parts)
        ]
        index = np.hstack([np.array(column, np.int64) for column in columns])
        path = dest / f"{split}.npz"
        np.savez(path, allow_pickle=False, **dict(zip(COLUMNS, index, strict=True)))
    names = [LISTING, STATISTICS, *(f"{split}.npz" for split in written)]
    packages = {"pillow": PIL.__version__, "numpy": np.__version__}
    manifest = {
        **plan,
        "splits": {
            split: [asdict(Chunk(p.file, len(p.rows), p.bytes, p.checksum)) for p in parts]
            for split, parts in written.items()
        },
        "files": {name: xxh3_128_hexdigest((dest / name).read_bytes()) for name in names},
        **said,
        "versions": {"python": platform.python_version(), **packages},
    }
    place(dest / MANIFEST, json.dumps(manifest, indent=1).encode())
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
        file, why = error.filename or dest, error.strerror or error
        raise RunFailedError.of("prepare.unwritable", file=file, why=why) from error


def write_chunks(
    dest: Path, splits: dict[str, Originals], spec: PrepareSpec, reporter: Reporter
) -> tuple[dict[str, list[Written]], Sums]:
    """Write all chunks that are not there yet, on all cores, and sum up the training set."""
    tasks = [
        (dest / f"{split}-{number:05}.bin", part.part(rows), rows.tolist(), spec)
        for split, part in splits.items()
        for number, rows in enumerate(_cut(split, len(part), spec))
    ]
    written: dict[str, list[Written]] = {split: [] for split in splits}
    sums, total, done = EMPTY, sum(map(len, splits.values())), 0
    pool = ProcessPoolExecutor(spec.processes, initializer=_begin_process)
    try:
        for found, part in pool.map(make_chunk, *zip(*tasks, strict=True)):
            written[found.file.partition("-")[0]].append(found)
            sums, done = sums + part, done + len(found.rows) + len(found.undecodable)
            reporter.counted("preparing", done, total)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
    return written, sums


def _cut(split: str, count: int, spec: PrepareSpec) -> list[Rows]:
    """Which pictures of a split go into each of its chunks."""
    order = np.arange(count)
    if split == "train":
        order = np.random.default_rng(ORDER_SEED).permutation(count)
    size = spec.size**2 * 3 // (1 if spec.encoding is Encoding.raw else 7)
    fitting = max(1, min(CHUNK_PICTURES, CHUNK_BYTES // size))
    step = min(fitting, max(16, -(-count // PARTS)))
    return np.split(order, range(step, count, step))


def _begin_process() -> None:
    """Ctrl-C reaches a whole process group: the main process decides, the others finish a chunk.

    Should it be killed, they end too: they would wait for ever, and hold the store's lock.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    reuse_memory()
    threading.Thread(target=_follow, args=(os.getppid(),), daemon=True).start()


def _follow(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


def make_chunk(
    file: Path, pictures: Originals, rows: list[int], spec: PrepareSpec
) -> tuple[Written, Sums]:
    """Write a chunk, unless an earlier attempt did and it is whole, and sum up its pictures.

    Args:
        file: the chunk.
        pictures: just its own.
        rows: theirs in the split's listing.
        spec: size and encoding.

    Raises:
        RunFailedError: the disk gives back other bytes than were written.
        OSError: it cannot be written, such as a full disk.
    """
    written = _earlier(file)
    content = _content(file, written) if written else None
    if not written or content is None:
        written = _write_chunk(file, pictures, rows, spec)
        content = _content(file, written)
    if content is None:
        raise RunFailedError.of("store.failing_disk", file=file)
    if not file.name.startswith("train") or not written.rows:
        return written, EMPTY
    side = spec.size
    if spec.encoding is Encoding.raw:
        return written, Sums.of(np.frombuffer(content, np.uint8).reshape(-1, side, side, 3))
    files, sums = io.BytesIO(content), EMPTY
    for at in range(0, len(written.lengths), AT_ONCE):
        lengths = written.lengths[at : at + AT_ONCE]
        images = [decode_jpeg(files.read(length), side, file.name) for length in lengths]
        sums += Sums.of(np.stack(images))
    return written, sums


def _earlier(file: Path) -> Written | None:
    """The note of a chunk that an earlier attempt finished."""
    with suppress(OSError, ValueError, TypeError):
        return Written(**json.loads(file.with_suffix(".json").read_bytes()))
    return None


def _content(file: Path, written: Written) -> bytes | None:
    """A chunk's bytes, read back; None where they are not those that were written."""
    with suppress(OSError):
        content = file.read_bytes()
        return content if xxh3_128_hexdigest(content) == written.checksum else None
    return None


def _write_chunk(file: Path, pictures: Originals, rows: list[int], spec: PrepareSpec) -> Written:
    """Write a chunk and then its note; a killed process leaves neither half-made."""
    parts: list[bytes | memoryview] = []
    kept, undecodable = [], []
    with whole_file(file) as temporary, temporary.open("wb") as out:
        for position in range(len(rows)):
            try:
                part = _encode(pictures.one(position), spec)
            except UsageError as error:
                undecodable.append((pictures.names()[position], error.message))
                continue
            out.write(part)  # while it is in the processor's cache
            parts.append(part)
            kept.append(position)
    # Not between two pictures: wide instructions slow some processors' clock for milliseconds.
    checksum = xxh3_128()
    for part in parts:
        checksum.update(part)
    lengths = [len(part) for part in parts]
    written = Written(
        file=file.name,
        bytes=sum(lengths),
        checksum=checksum.hexdigest(),
        rows=[rows[position] for position in kept],
        labels=pictures.labels[kept].tolist(),
        lengths=lengths,
        undecodable=undecodable,
    )
    place(file.with_suffix(".json"), json.dumps(asdict(written)).encode())
    return written


def _encode(image: Images, spec: PrepareSpec) -> bytes | memoryview:
    if spec.encoding is Encoding.raw:
        return image.reshape(-1).data
    out = io.BytesIO()
    Image.fromarray(image).save(out, "JPEG", quality=spec.quality)
    return out.getvalue()
