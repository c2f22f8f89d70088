"""Writing the chunks of a store in worker processes: decode, resize, encode, read back.

Each finished chunk has a note beside it, its ChunkRecord, so that preparation can be resumed.
"""

import functools
import io
import json
import math
import os
import signal
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from xxhash import xxh3_128, xxh3_128_hexdigest

from alexcli.data.arrays import ImageArray, IndexArray
from alexcli.data.decode import decode_jpeg, why_left_out
from alexcli.data.images import LocalImages
from alexcli.data.statistics import EMPTY, RunningStatistics
from alexcli.errors import RunFailedError, UsageError
from alexcli.files import atomic_path, write_atomic
from alexcli.json_text import parse_json
from alexcli.malloc import reuse_freed_memory
from alexcli.parent_watch import leave_sigterm_to, on_parent_exit
from alexcli.reporter import Reporter
from alexcli.schema import Encoding, OnError, PrepareSpec

ORDER_SEED = 0
"""Seed of the order of stored training images, shuffled so that each chunk mixes classes."""

MAX_CHUNK_BYTES = 64 << 20
"""Large enough to make the cost of opening a file negligible, small enough to fetch at once."""
MAX_CHUNK_IMAGES = 1024

MIN_CHUNK_IMAGES = 16
CHUNKS_PER_SPLIT = 64
"""A small split is divided into about this many chunks, enough for many cores."""

JPEG_RATIO = 7
"""Approximate number of raw bytes per byte of JPEG."""

STATISTICS_BATCH = 128
"""JPEGs decoded together for the statistics: 50 MB including their copy."""


@dataclass
class ChunkTask:
    """A chunk to write."""

    file: Path
    images: LocalImages
    """The images of this chunk only."""
    rows: list[int]
    """Their rows in the listing of the split."""
    spec: PrepareSpec
    """Size and encoding."""


@dataclass
class ChunkRecord:
    """Description of a written chunk, stored in the note beside it."""

    file: str
    bytes: int
    checksum: str
    rows: list[int]
    """Rows in the listing of the split, without images that cannot be decoded."""
    labels: list[int]
    lengths: list[int]
    """Bytes of each image."""
    undecodable: list[tuple[str, str]]
    """Name and reason."""
    max_pixels: int = 0
    """Largest image that was allowed, pixels; 0 in notes that do not say."""

    def is_valid_for(self, spec: PrepareSpec) -> bool:
        """Whether an attempt with this spec would write the same chunk.

        A smaller limit may refuse other images. An image that was not decoded may now be, with a
        larger limit or a disk that can be read again, unless it is to be left out.
        """
        if not self.undecodable:
            return self.max_pixels <= spec.max_pixels
        return self.max_pixels == spec.max_pixels and spec.on_error is OnError.skip

    @property
    def split(self) -> str:
        """The split that the chunk belongs to."""
        return self.file.partition("-")[0]


def write_chunks(
    dest: Path, splits: dict[str, LocalImages], spec: PrepareSpec, reporter: Reporter
) -> tuple[dict[str, list[ChunkRecord]], RunningStatistics]:
    """Write all chunks that an earlier attempt did not finish, on all cores.

    Args:
        dest: the folder of the store.
        splits: the images of each split.
        spec: size, encoding and number of processes.
        reporter: receives progress updates.

    Returns:
        The chunks of each split, in order, and the sums over the stored training images.

    Raises:
        RunFailedError: the disk returns different bytes than were written.
        OSError: a file cannot be written, for example because the disk is full.
    """
    tasks = [
        ChunkTask(dest / f"{split}-{number:05}.bin", images.subset(rows), rows.tolist(), spec)
        for split, images in splits.items()
        for number, rows in enumerate(_split_into_chunks(split, len(images), spec))
    ]
    records: dict[str, list[ChunkRecord]] = {split: [] for split in splits}
    sums = EMPTY
    processed = 0
    total = sum(len(images) for images in splits.values())
    pool = ProcessPoolExecutor(spec.processes, initializer=_begin_process, initargs=(os.getpid(),))
    try:
        for record, chunk_sums in pool.map(make_chunk, tasks):
            records[record.split].append(record)
            sums += chunk_sums
            processed += len(record.rows) + len(record.undecodable)
            reporter.progress("preparing", processed, total)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
    return records, sums


def _split_into_chunks(split: str, count: int, spec: PrepareSpec) -> list[IndexArray]:
    """Positions of the images in each chunk of a split."""
    order = np.arange(count)
    if split == "train":
        order = np.random.default_rng(ORDER_SEED).permutation(count)
    assert spec.size is not None  # write_store sets it
    image_bytes = spec.size**2 * 3
    if spec.encoding is Encoding.jpeg:
        image_bytes = max(1, image_bytes // JPEG_RATIO)
    largest = max(1, min(MAX_CHUNK_IMAGES, MAX_CHUNK_BYTES // image_bytes))
    per_chunk = min(largest, max(MIN_CHUNK_IMAGES, math.ceil(count / CHUNKS_PER_SPLIT)))
    return np.split(order, range(per_chunk, count, per_chunk))


def _begin_process(parent: int) -> None:
    """Prepare a process that writes chunks.

    Ctrl-C reaches the whole process group: the main process handles it, the others finish their
    chunk. If the main process is killed, they end too; otherwise they would wait forever and hold
    the lock of the store.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    leave_sigterm_to(parent)
    reuse_freed_memory()
    on_parent_exit(functools.partial(os._exit, 1), parent)


def make_chunk(task: ChunkTask) -> tuple[ChunkRecord, RunningStatistics]:
    """Write a chunk, unless an earlier attempt completed it with the same result.

    Returns:
        Its record, and the sums over its images if it belongs to the training set.

    Raises:
        RunFailedError: the disk returns different bytes than were written.
        OSError: it cannot be written, for example because the disk is full.
    """
    record = _read_record(task.file)
    if record is not None and not record.is_valid_for(task.spec):
        record = None
    content = _read_content(task.file, record) if record else None
    if record is None or content is None:
        record = _write_chunk(task)
        content = _read_content(task.file, record)
    if content is None:
        raise RunFailedError(
            f"{task.file} does not read back as it was written: a failing disk?",
            hint="prepare the store on another disk",
        )
    if record.split != "train":
        return record, EMPTY
    return record, _sums(content, record, task.spec)


def _read_record(file: Path) -> ChunkRecord | None:
    """The note of a chunk that an earlier attempt finished; None if it did not."""
    with suppress(OSError, ValueError, TypeError):
        return ChunkRecord(**parse_json(file.with_suffix(".json").read_bytes()))
    return None


def _read_content(file: Path, record: ChunkRecord) -> bytes | None:
    """The bytes of a chunk, read back; None if they differ from those written."""
    with suppress(OSError):
        content = file.read_bytes()
        if xxh3_128_hexdigest(content) == record.checksum:
            return content
    return None


def _sums(content: bytes, record: ChunkRecord, spec: PrepareSpec) -> RunningStatistics:
    """The sums over the images of a chunk, as a reader of the store will see them."""
    if not record.rows:
        return EMPTY
    assert spec.size is not None  # write_store sets it
    side = spec.size
    if spec.encoding is Encoding.raw:
        pixels = np.frombuffer(content, np.uint8)
        return RunningStatistics.from_images(pixels.reshape(-1, side, side, 3))
    sums = EMPTY
    stream = io.BytesIO(content)
    for start in range(0, len(record.lengths), STATISTICS_BATCH):
        lengths = record.lengths[start : start + STATISTICS_BATCH]
        images = [decode_jpeg(stream.read(length), side, record.file) for length in lengths]
        sums += RunningStatistics.from_images(np.stack(images))
    return sums


def _write_chunk(task: ChunkTask) -> ChunkRecord:
    """Write a chunk and then its note; a killed process leaves neither half-written."""
    encoded_images: list[bytes | memoryview] = []
    positions: list[int] = []
    undecodable: list[tuple[str, str]] = []
    with atomic_path(task.file) as temporary, temporary.open("wb") as file:
        for position in range(len(task.rows)):
            try:
                encoded = _encode(task.images.fetch_one(position), task.spec)
            except UsageError as error:
                undecodable.append((task.images.names()[position], why_left_out(error)))
                continue
            file.write(encoded)  # while it is still in the CPU cache
            encoded_images.append(encoded)
            positions.append(position)
    # Not between two images: wide instructions lower some CPUs' clock for milliseconds.
    checksum = xxh3_128()
    for encoded in encoded_images:
        checksum.update(encoded)
    lengths = [len(encoded) for encoded in encoded_images]
    record = ChunkRecord(
        file=task.file.name,
        bytes=sum(lengths),
        checksum=checksum.hexdigest(),
        rows=[task.rows[position] for position in positions],
        labels=task.images.labels[positions].tolist(),
        lengths=lengths,
        undecodable=undecodable,
        max_pixels=task.spec.max_pixels,
    )
    write_atomic(task.file.with_suffix(".json"), json.dumps(asdict(record)))
    return record


def _encode(image: ImageArray, spec: PrepareSpec) -> bytes | memoryview:
    """An image as it is stored."""
    if spec.encoding is Encoding.raw:
        return image.reshape(-1).data
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=spec.quality)
    return buffer.getvalue()
