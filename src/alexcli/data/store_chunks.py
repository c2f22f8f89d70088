"""Local chunks of a store: fetched once, compared with their checksums, and kept open."""

import mmap
import os
import weakref
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from xxhash import xxh3_128_hexdigest

from alexcli.checksum import file_checksum
from alexcli.data.cache import cache_lock
from alexcli.data.store import DAMAGED_HINT, Chunk, is_url, read_file
from alexcli.errors import UsageError
from alexcli.files import CACHE_HINT, cache_dir, write_atomic, writing


class LocalChunks:
    """Locates the chunks of a split on this machine.

    Args:
        root: local folder or URL of the store.
        chunks: of the split.
        check: compare each chunk with its checksum when it is first read.
    """

    def __init__(self, root: str, chunks: Sequence[Chunk], *, check: bool) -> None:
        self.root = root
        self.chunks = chunks
        self.check = check
        self._paths: dict[int, Path] = {}
        self._checked = _flags(len(chunks))

    def path(self, number: int) -> Path:
        """The path of a chunk; a remote chunk is fetched.

        Args:
            number: of the chunk.

        Raises:
            UsageError: its content does not match the manifest, or cannot be written.
        """
        path = self._paths.get(number)
        if path is None:
            path = local_path(self.root, self.chunks[number], check=self._has_to_check(number))
            self._checked[number] = 1
            self._paths[number] = path
        return path

    def _has_to_check(self, number: int) -> bool:
        """Whether no process that shares this memory has checked the chunk yet."""
        return self.check and not self._checked[number]

    def __getstate__(self) -> dict[str, Any]:
        """The state for another process, without the shared memory, which cannot be sent."""
        return {**vars(self), "_checked": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore the state; all chunks count as unchecked."""
        vars(self).update(state)
        self._checked = _flags(len(self.chunks))


def _flags(count: int) -> mmap.mmap:
    """`count` bytes, zero at first, shared with processes forked from this one."""
    return mmap.mmap(-1, max(count, 1))


def local_path(root: str, chunk: Chunk, *, check: bool) -> Path:
    """The local path of a chunk; a remote chunk is fetched once, and named by its checksum.

    Args:
        root: local folder or URL of the store.
        chunk: its checksum is 32 hexadecimal digits, as checked when the manifest was read.
        check: compare an existing file with the checksum; a fetched file is always compared.

    Raises:
        UsageError: the content does not match the manifest, or cannot be written.
    """
    if not is_url(root):
        path = Path(root, chunk.file)
        if check and _checksum(path) != chunk.checksum:
            raise UsageError(
                f"{path} is damaged: its checksum is not the one in the manifest", hint=DAMAGED_HINT
            )
        return path
    path = cache_dir() / "chunks" / chunk.checksum
    with cache_lock(path):
        if not path.exists() or (check and _checksum(path) != chunk.checksum):
            content = read_file(root, chunk.file)
            if xxh3_128_hexdigest(content) != chunk.checksum:
                raise UsageError(
                    f"{root}/{chunk.file} does not match its manifest",
                    hint=f"alexcli data verify {root}",
                )
            with writing(f"the cache file {path}", hint=CACHE_HINT):
                write_atomic(path, content)
            open_for_reading.cache_clear()  # it may hold the previous file open
    return path


def _checksum(path: Path) -> str:
    """The checksum of a chunk; UsageError if it cannot be read."""
    try:
        return file_checksum(path)
    except OSError as error:
        raise unreadable(path, error) from error


def unreadable(path: Path, error: OSError) -> UsageError:
    """The error for a chunk that the system does not read, such as one removed meanwhile."""
    return UsageError(f"{path} cannot be read: {error.strerror}", hint=DAMAGED_HINT)


class OpenFile:
    """A file that is open for reading, and is closed when nothing refers to it.

    Each read gives its position, so processes that share a descriptor after a fork do not interfere
    with each other.
    """

    def __init__(self, path: Path) -> None:
        self.descriptor = os.open(path, os.O_RDONLY)
        weakref.finalize(self, os.close, self.descriptor)


@lru_cache(maxsize=256)
def open_for_reading(path: Path) -> OpenFile:
    """An open file, cached for the next image; a thread that still reads from it keeps it open."""
    return OpenFile(path)
