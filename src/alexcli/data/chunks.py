"""Writing one chunk of a store: decode, resize, encode, write, read back."""

import functools
import io
import json
import operator
import os
import signal
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from xxhash import xxh3_128_hexdigest

from alexcli.data.pictures import Images, Pictures, decode_jpeg
from alexcli.data.stats import Sums, sums_of
from alexcli.errors import RunFailedError, UsageError
from alexcli.memory import reuse_memory
from alexcli.schema import Encoding

# Large enough that a file's opening costs nothing, small enough to be fetched from afar at once.
CHUNK_BYTES, CHUNK_PICTURES = 64 << 20, 1024
PARTS = 64  # a small set is still cut into pieces enough for many cores


@dataclass
class Task:
    """What a process needs to write a chunk."""

    pictures: Pictures
    """Just the chunk's own."""
    rows: list[int]
    """Their rows in the split's listing."""
    names: list[str]
    file: Path
    encoding: Encoding
    quality: int
    side: int
    measured: bool
    """Whether the mean image is of these pictures."""


@dataclass
class Written:
    """What became of a chunk; kept beside it until the store is finished."""

    file: str
    bytes: int
    checksum: str
    rows: list[int]
    """Rows of the listing, those that could not be decoded left out."""
    labels: list[int]
    lengths: list[int]
    undecodable: list[tuple[str, str]]
    """Name and reason."""


def chunk_pictures(count: int, picture_bytes: int) -> int:
    """How many pictures a chunk holds."""
    fitting = max(1, min(CHUNK_PICTURES, CHUNK_BYTES // picture_bytes))
    return min(fitting, max(16, -(-count // PARTS)))


def make_chunk(task: Task) -> tuple[Written, Sums | None]:
    """Write a chunk, unless an earlier attempt did, and sum up what can be read from it.

    Raises:
        RunFailedError: the disk gives back other bytes than were written.
        OSError: it cannot be written, such as a full disk.
    """
    written = already_written(task.file)
    content = _write(task) if written is None else task.file.read_bytes()
    written = written or already_written(task.file)
    assert written is not None
    return written, _sums(task, written, content) if task.measured and written.rows else None


def _sums(task: Task, written: Written, content: bytes) -> Sums:
    """Of the pixels as they will be read."""
    if task.encoding is Encoding.raw:
        return sums_of(np.frombuffer(content, np.uint8).reshape(-1, task.side, task.side, 3))
    ends = np.cumsum(written.lengths).tolist()
    parts = [
        sums_of(decode_jpeg(content[end - length : end], task.side, task.file.name)[None])
        for end, length in zip(ends, written.lengths, strict=True)
    ]
    return functools.reduce(operator.add, parts)


def _write(task: Task) -> bytes:
    """Write a chunk and then a note of it; a killed process leaves neither half-made.

    Returns:
        What the file holds when it is read again.
    """
    parts: list[bytes] = []
    rows, labels, undecodable = [], [], []
    for position, (row, name) in enumerate(zip(task.rows, task.names, strict=True)):
        try:
            image = task.pictures.fetch([position])[0]
        except UsageError as error:
            undecodable.append((name, error.message))
            continue
        parts.append(_encode(image, task.encoding, task.quality))
        rows.append(row)
        labels.append(int(task.pictures.labels[position]))
    content = b"".join(parts)
    place(task.file, content)
    again = task.file.read_bytes()
    if again != content:
        raise RunFailedError(f"{task.file} does not read back as it was written: a failing disk?")
    checksum, lengths = xxh3_128_hexdigest(content), [len(part) for part in parts]
    file = task.file.name
    written = Written(file, len(content), checksum, rows, labels, lengths, undecodable)
    place(note_of(task.file), json.dumps(asdict(written)).encode())
    return again


def _encode(image: Images, encoding: Encoding, quality: int) -> bytes:
    if encoding is Encoding.raw:
        return image.tobytes()
    out = io.BytesIO()
    Image.fromarray(image).save(out, "JPEG", quality=quality)
    return out.getvalue()


def place(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    temporary = path.with_name(f"{path.name}.tmp")
    try:
        temporary.write_bytes(content)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def note_of(chunk: Path) -> Path:
    """Where the note of a chunk is."""
    return chunk.with_suffix(".json")


def already_written(chunk: Path) -> Written | None:
    """The note of a chunk that an earlier attempt finished."""
    try:
        kept = json.loads(note_of(chunk).read_bytes())
        written = Written(**kept)
        return written if chunk.stat().st_size == written.bytes else None
    except (OSError, ValueError, TypeError):
        return None


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
