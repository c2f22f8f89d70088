"""Writing a store. An interrupted attempt leaves its finished chunks, and the next one resumes."""

import contextlib
import csv
import json
import platform
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import PIL
from filelock import FileLock, Timeout
from xxhash import xxh3_128_hexdigest

from alexcli.data.chunks import ChunkRecord, write_chunks
from alexcli.data.dataset import Dataset
from alexcli.data.images import LocalImages
from alexcli.data.npz import write_arrays
from alexcli.data.statistics import Statistics
from alexcli.data.store import LISTING, MANIFEST, PLAN, STATISTICS, Chunk
from alexcli.data.store_index import COLUMNS
from alexcli.data.store_plan import (
    LOCK,
    Plan,
    check_resumable,
    is_finished,
    list_source,
    make_plan,
    read_earlier_plan,
)
from alexcli.errors import UsageError, plural
from alexcli.files import refused_by_system, write_atomic
from alexcli.reporter import Reporter
from alexcli.schema import Encoding, OnError, PrepareSpec

REPORT = "undecodable.csv"


@dataclass(frozen=True)
class Undecodable:
    """An image that cannot be decoded; a line of REPORT."""

    split: str
    name: str
    reason: str


def write_store(dataset: Dataset, dest: Path, spec: PrepareSpec, reporter: Reporter) -> bool:
    """Write a store.

    Args:
        dataset: opened images, none of them decoded yet; they are files or arrays.
        dest: a new or empty folder, or one left by an earlier attempt.
        spec: the encoding, and what to do with an image that cannot be decoded.
        reporter: receives progress updates.

    Returns:
        Whether there was anything to do.

    Raises:
        UsageError: `dest` holds something else; the source has changed since; images cannot be
            decoded (`undecodable.csv` lists them).
        RunFailedError: a file cannot be written, as on a full disk; finished chunks are kept.
    """
    splits = cast(dict[str, LocalImages], dataset.splits())
    spec = replace(spec, size=dataset.size)
    listing = list_source(splits)
    plan = make_plan(dataset, spec, listing)
    read_earlier_plan(dest)  # do not create a lock in a folder that is refused
    with hold_store(dest):
        earlier = read_earlier_plan(dest)
        if earlier is None:
            _begin(dest, plan, listing, spec)
        else:
            check_resumable(dest, earlier, plan, listing)
            if is_finished(earlier):
                return False
        records, sums = write_chunks(dest, splits, spec, reporter)
        skipped = _report_undecodable(dest, records, spec)
        if not sums.count:
            raise UsageError("no training image can be decoded", hint=f"see {dest / REPORT}")
        finish_store(dest, records, sums.statistics(), plan, skipped=skipped, note=dataset.note)
    return True


@contextlib.contextmanager
def hold_store(dest: Path) -> Iterator[None]:
    """Create the folder, and lock out other writing processes during the block.

    Raises:
        UsageError: another process is writing to it.
        RunFailedError: the system refuses a file in the block; the message names it.
    """
    try:
        dest.mkdir(parents=True, exist_ok=True)
        with FileLock(dest / LOCK, timeout=0):
            yield
    except Timeout as error:
        raise UsageError(
            f"{dest} is being prepared by another process", hint="wait for it to end"
        ) from error
    except OSError as error:
        raise refused_by_system(error, dest) from error


def _begin(dest: Path, plan: Plan, listing: list[str], spec: PrepareSpec) -> None:
    """Write the plan and the listing that a later attempt is compared with.

    Raises:
        UsageError: the disk has too little space; nothing was written.
    """
    if spec.encoding is Encoding.raw:
        assert spec.size is not None  # write_store sets it
        required = len(listing) * spec.size**2 * 3
        free = shutil.disk_usage(dest).free
        if required > free:
            raise UsageError(
                f"{dest} needs {required / 1e6:,.0f} MB, and {free / 1e6:,.0f} MB are free",
                hint="encoding=jpeg takes about a seventh",
            )
    write_atomic(dest / LISTING, "\n".join(listing) + "\n")
    write_atomic(dest / PLAN, json.dumps(plan))


def _report_undecodable(
    dest: Path, records: dict[str, list[ChunkRecord]], spec: PrepareSpec
) -> int:
    """List the images that cannot be decoded.

    Returns:
        How many there are.

    Raises:
        UsageError: there are some, and the spec does not allow any.
    """
    failures = [
        Undecodable(split, name, reason)
        for split, chunks in records.items()
        for chunk in chunks
        for name, reason in chunk.undecodable
    ]
    report = dest / REPORT
    report.unlink(missing_ok=True)
    if not failures:
        return 0
    with report.open("w", newline="", encoding="utf-8", errors="backslashreplace") as file:
        writer = csv.DictWriter(file, ["split", "name", "reason"])
        writer.writeheader()
        writer.writerows(asdict(failure) for failure in failures)
    if spec.on_error is OnError.fail:
        examples = [failure.reason for failure in failures[:3]]
        if len(failures) > len(examples):
            examples.append("...")
        raise UsageError(
            f"{plural(len(failures), 'image')} cannot be decoded: {'; '.join(examples)} "
            f"(all are in {report})",
            hint="fix the files, or leave them out: repeat the same command with on_error=skip, "
            "which resumes",
        )
    return len(failures)


def finish_store(
    dest: Path,
    records: dict[str, list[ChunkRecord]],
    statistics: Statistics,
    plan: Plan,
    *,
    skipped: int,
    note: str | None,
) -> None:
    """Write statistics, indices and finally the manifest; remove files only needed to resume.

    Args:
        dest: the folder of the store.
        records: the chunks of each split, in order.
        statistics: of the training set.
        plan: the plan of the content.
        skipped: number of images left out because they cannot be decoded.
        note: a caveat about the data for readers of a result.
    """
    write_arrays(dest / STATISTICS, vars(statistics))
    for split, chunks in records.items():
        _write_index(dest / f"{split}.npz", chunks)
    names = [LISTING, STATISTICS, *(f"{split}.npz" for split in records)]
    manifest = {
        **plan,
        "splits": {
            split: [_chunk_entry(chunk) for chunk in chunks] for split, chunks in records.items()
        },
        "files": {name: xxh3_128_hexdigest((dest / name).read_bytes()) for name in names},
        "skipped": skipped,
        "note": note,
        "versions": {
            "python": platform.python_version(),
            "pillow": PIL.__version__,
            "numpy": np.__version__,
        },
    }
    write_atomic(dest / MANIFEST, json.dumps(manifest, indent=1))
    for leftover in (dest / PLAN, *dest.glob("*-?????.json"), *dest.glob("*.tmp")):
        leftover.unlink(missing_ok=True)


def _chunk_entry(record: ChunkRecord) -> dict[str, Any]:
    """The entry of a chunk in the manifest."""
    return asdict(Chunk(record.file, len(record.rows), record.bytes, record.checksum))


def _write_index(path: Path, chunks: list[ChunkRecord]) -> None:
    """Write the index of a split: see `store_index.COLUMNS`."""
    columns: dict[str, list[int]] = {name: [] for name in COLUMNS}
    for number, chunk in enumerate(chunks):
        columns["chunk"] += [number for _ in chunk.rows]
        columns["offset"] += (np.cumsum(chunk.lengths) - chunk.lengths).tolist()
        columns["length"] += chunk.lengths
        columns["label"] += chunk.labels
        columns["row"] += chunk.rows
    arrays = {name: np.array(column, np.int64) for name, column in columns.items()}
    write_arrays(path, arrays)
