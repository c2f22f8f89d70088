"""A checksum at the end of a file, which every reader compares: a disk may give back other bytes.

Readers of zip archives, such as torch's, do not mind the bytes after the archive. torch itself
compares none of the checksums in it.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, cast

from xxhash import xxh3_128

MARK = b"alexcli-xxh3-128"
"""Stands before the checksum of all bytes before the mark."""
CHECKSUM_BYTES = 16
PIECE = 1 << 20


class ChecksummedFile:
    """What a writer of bytes needs of a file.

    Args:
        file: open for writing.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._checksum = xxh3_128()

    def write(self, content: bytes) -> int:
        """Write bytes, and add them to the checksum; how many there were."""
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
    """A file that is written in the block, from its first byte to its last, and then its checksum.

    Args:
        path: the file to write; an existing one is overwritten.
    """
    with path.open("wb") as file:
        writer = ChecksummedFile(file)
        yield cast(IO[bytes], writer)  # torch asks for all of it, and only writes
        writer.write_checksum()


def file_checksum(path: Path) -> str:
    """XXH3 of 128 bits of a file, in hexadecimal.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        return _checksum(file, file.seek(0, 2)).hex()


def is_intact(path: Path) -> bool | None:
    """Whether a file holds what was written to it; None of a file without a checksum.

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
    """The checksum of the first bytes of a file, of fewer if it ends before."""
    file.seek(0)
    checksum = xxh3_128()
    while piece := file.read(min(length, PIECE)):
        checksum.update(piece)
        length -= len(piece)
    return checksum.digest()
