"""Writing the chunks of a store in processes of their own: decode, resize, encode, read back."""

import io
import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from itertools import accumulate
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image
from xxhash import xxh3_128_hexdigest

from alexcli.data.cache import whole_file
from alexcli.data.dataset import EMPTY, Sums
from alexcli.data.pictures import Images, Originals, decode_jpeg
from alexcli.data.store import COLUMNS, Chunk
from alexcli.errors import RunFailedError, UsageError
from alexcli.memory import reuse_memory
from alexcli.results import Reporter
from alexcli.schema import Encoding, PrepareSpec

ORDER_SEED = 0  # training pictures are stored in a shuffled order, so that each chunk is a mixture
# Large enough that a file's opening costs nothing, small enough to be fetched from afar at once.
CHUNK_BYTES, CHUNK_PICTURES = 64 << 20, 1024
PARTS = 64  # a small set is still cut into pieces enough for many cores


@dataclass
class Task:
    """What a process needs to write a chunk."""

    split: str
    pictures: Originals
    """Just the chunk's own."""
    rows: list[int]
    """Their rows in the split's listing."""
    file: Path
    spec: PrepareSpec


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

    @property
    def chunk(self) -> Chunk:
        """As the manifest has it."""
        return Chunk(self.file, len(self.rows), self.bytes, self.checksum)


def _tasks(dest: Path, split: str, pictures: Originals, spec: PrepareSpec) -> Iterator[Task]:
    """The chunks of a split, in order."""
    count = len(pictures)
    order = np.random.default_rng(ORDER_SEED).permutation(count)
    if split != "train":
        order = np.arange(count)
    size = spec.size**2 * 3 // (1 if spec.encoding is Encoding.raw else 7)
    fitting = max(1, min(CHUNK_PICTURES, CHUNK_BYTES // size))
    step = min(fitting, max(16, -(-count // PARTS)))
    for number, start in enumerate(range(0, count, step)):
        rows, file = order[start : start + step], dest / f"{split}-{number:05}.bin"
        yield Task(split, pictures.part(rows), rows.tolist(), file, spec)


def write_chunks(
    dest: Path, splits: dict[str, Originals], spec: PrepareSpec, reporter: Reporter
) -> tuple[dict[str, list[Written]], Sums]:
    """Write all chunks that are not there yet, on all cores, and sum up the training set."""
    tasks = [task for split, part in splits.items() for task in _tasks(dest, split, part, spec)]
    written: dict[str, list[Written]] = {split: [] for split in splits}
    sums, total, done = EMPTY, sum(len(task.rows) for task in tasks), 0
    pool = ProcessPoolExecutor(spec.processes, initializer=_begin_process)
    try:
        for task, (found, part) in zip(tasks, pool.map(make_chunk, tasks), strict=True):
            written[task.split].append(found)
            sums, done = sums + part, done + len(task.rows)
            reporter.counted("preparing", done, total)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
    return written, sums


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


def make_chunk(task: Task) -> tuple[Written, Sums]:
    """Write a chunk, unless an earlier attempt did, and sum up what can be read from it.

    Raises:
        RunFailedError: the disk gives back other bytes than were written.
        OSError: it cannot be written, such as a full disk.
    """
    written = _already_written(task.file) or _write_chunk(task)
    if task.split != "train" or not written.rows:
        return written, EMPTY
    content, side = task.file.read_bytes(), task.spec.size
    if task.spec.encoding is Encoding.raw:
        return written, Sums.of(np.frombuffer(content, np.uint8).reshape(-1, side, side, 3))
    files = io.BytesIO(content)
    jpegs = (decode_jpeg(files.read(n), side, task.file.name) for n in written.lengths)
    return written, sum((Sums.of(image[None]) for image in jpegs), EMPTY)


def _already_written(chunk: Path) -> Written | None:
    """The note of a chunk that an earlier attempt finished."""
    try:
        written = Written(**json.loads(chunk.with_suffix(".json").read_bytes()))
        return written if chunk.stat().st_size == written.bytes else None
    except (OSError, ValueError, TypeError):
        return None


def _write_chunk(task: Task) -> Written:
    """Write a chunk and then its note; a killed process leaves neither half-made."""
    parts: list[bytes | memoryview] = []
    kept, undecodable = [], []
    for position in range(len(task.rows)):
        try:
            parts.append(_encode(task.pictures.fetch([position])[0], task.spec))
            kept.append(position)
        except UsageError as error:
            undecodable.append((task.pictures.names()[position], error.message))
    content = b"".join(parts)
    place(task.file, content)
    if task.file.read_bytes() != content:
        raise RunFailedError.of("store.failing_disk", task=task)
    written = Written(
        file=task.file.name,
        bytes=len(content),
        checksum=xxh3_128_hexdigest(content),
        rows=[task.rows[position] for position in kept],
        labels=task.pictures.labels[kept].tolist(),
        lengths=[len(part) for part in parts],
        undecodable=undecodable,
    )
    place(task.file.with_suffix(".json"), json.dumps(asdict(written)).encode())
    return written


def _encode(image: Images, spec: PrepareSpec) -> bytes | memoryview:
    if spec.encoding is Encoding.raw:
        return image.reshape(-1).data
    out = io.BytesIO()
    Image.fromarray(image).save(out, "JPEG", quality=spec.quality)
    return out.getvalue()


def place(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    with whole_file(path) as temporary:
        temporary.write_bytes(content)


def index(parts: list[Written]) -> dict[str, npt.NDArray[np.int64]]:
    """The index of a split."""
    rows = [
        (number, end - length, length, label, row)
        for number, part in enumerate(parts)
        for end, length, label, row in zip(
            accumulate(part.lengths), part.lengths, part.labels, part.rows, strict=True
        )
    ]
    columns = np.array(rows, dtype=np.int64).reshape(-1, len(COLUMNS)).T
    return dict(zip(COLUMNS, columns, strict=True))
