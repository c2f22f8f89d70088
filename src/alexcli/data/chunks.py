"""Writing one chunk of a store: decode, resize, encode, write, read back."""

import io
import json
import os
import signal
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from xxhash import xxh3_128_hexdigest

from alexcli.data.cache import whole_file
from alexcli.data.pictures import Images, Pictures, decode_jpeg
from alexcli.data.stats import EMPTY, Sums, sums_of
from alexcli.data.store import Chunk
from alexcli.errors import RunFailedError, UsageError
from alexcli.memory import reuse_memory
from alexcli.schema import Encoding, PrepareSpec

# Large enough that a file's opening costs nothing, small enough to be fetched from afar at once.
CHUNK_BYTES, CHUNK_PICTURES = 64 << 20, 1024
PARTS = 64  # a small set is still cut into pieces enough for many cores


@dataclass
class Task:
    """What a process needs to write a chunk."""

    split: str
    pictures: Pictures
    """Just the chunk's own."""
    rows: list[int]
    """Their rows in the split's listing."""
    file: Path
    spec: PrepareSpec


@dataclass
class Written:
    """What became of a chunk; kept beside it until the store is finished."""

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


def chunk_pictures(count: int, picture_bytes: int) -> int:
    """How many pictures a chunk holds."""
    fitting = max(1, min(CHUNK_PICTURES, CHUNK_BYTES // picture_bytes))
    return min(fitting, max(16, -(-count // PARTS)))


def make_chunk(task: Task) -> tuple[Written, Sums]:
    """Write a chunk, unless an earlier attempt did, and sum up what can be read from it.

    Raises:
        RunFailedError: the disk gives back other bytes than were written.
        OSError: it cannot be written, such as a full disk.
    """
    written = already_written(task.file)
    if written is None:
        written, content = _write(task)
    else:
        content = task.file.read_bytes()
    return written, _sums(task, written, content)


def _sums(task: Task, written: Written, content: bytes) -> Sums:
    """Of the pixels as they will be read, where they are the training set's."""
    if task.split != "train" or not written.rows:
        return EMPTY
    side = task.spec.size
    if task.spec.encoding is Encoding.raw:
        return sums_of(np.frombuffer(content, np.uint8).reshape(-1, side, side, 3))
    files = io.BytesIO(content)
    jpegs = (decode_jpeg(files.read(n), side, task.file.name) for n in written.lengths)
    return sum((sums_of(image[None]) for image in jpegs), EMPTY)


def _write(task: Task) -> tuple[Written, bytes]:
    """Write a chunk and then a note of it; a killed process leaves neither half-made.

    Returns:
        The note, and what the file holds when it is read again.
    """
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
    again = task.file.read_bytes()
    if again != content:
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
    return written, again


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


def already_written(chunk: Path) -> Written | None:
    """The note of a chunk that an earlier attempt finished."""
    try:
        written = Written(**json.loads(chunk.with_suffix(".json").read_bytes()))
        return written if chunk.stat().st_size == written.bytes else None
    except (OSError, ValueError, TypeError):
        return None


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


def begin_process() -> None:
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
