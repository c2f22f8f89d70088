"""A checksum at the end of a file, verified on reading, because a disk may return other bytes.

Readers of zip archives, such as torch's, ignore bytes after the archive. torch itself verifies none
of the checksums in it.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, cast

from xxhash import xxh3_128

MARK = b"alexcli-xxh3-128"
"""Written before the checksum, which covers all bytes before this mark."""
CHECKSUM_BYTES = 16
PIECE = 1 << 20


class ChecksummedFile:
    """The methods that a writer of bytes needs, with a running checksum.

    Args:
        file: open for writing.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._checksum = xxh3_128()

    def write(self, content: bytes) -> int:
        """Write bytes, add them to the checksum, and return their number."""
        self._checksum.update(content)
        return self._file.write(content)

    def flush(self) -> None:
        """See io.BufferedWriter."""
        self._file.flush()

    def write_checksum(self) -> None:
        """Write the checksum of all bytes before it."""
        self._file.write(MARK + self._checksum.digest())


@contextlib.contextmanager
def checksummed(path: Path) -> Iterator[IO[bytes]]:
    """Yield a file to write sequentially; its checksum is appended at the end of the block.

    Args:
        path: the file to write; an existing one is overwritten.
    """
    with path.open("wb") as file:
        writer = ChecksummedFile(file)
        yield cast(IO[bytes], writer)  # torch expects an IO[bytes], but only writes
        writer.write_checksum()


def file_checksum(path: Path) -> str:
    """The 128-bit XXH3 checksum of a file, in hexadecimal.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        return _checksum(file, file.seek(0, 2)).hex()


def is_intact(path: Path) -> bool | None:
    """Whether a file holds what was written to it; None if it has no checksum.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        length = file.seek(0, 2) - len(MARK) - CHECKSUM_BYTES
        if length < 0:
            return None
        file.seek(length)
        if file.read(len(MARK)) != MARK:
            return None
        expected = file.read()
        return _checksum(file, length) == expected


def _checksum(file: IO[bytes], length: int) -> bytes:
    """The checksum of the first `length` bytes of a file, or of all if it is shorter."""
    file.seek(0)
    checksum = xxh3_128()
    while piece := file.read(min(length, PIECE)):
        checksum.update(piece)
        length -= len(piece)
    return checksum.digest()
