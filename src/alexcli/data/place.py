"""Files of a store, in a local folder or behind a URL such as s3://bucket/store."""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import IO

from filelock import FileLock
from xxhash import xxh3_128

from alexcli.data.cache import cache_dir
from alexcli.errors import UsageError

DRIVERS = {"s3": "s3fs", "gs": "gcsfs", "gcs": "gcsfs"}


def is_url(root: str) -> bool:
    """Whether it names something that is not a local folder."""
    return "://" in root


@dataclass(frozen=True)
class Place:
    """Where a store lies."""

    root: str

    @property
    def remote(self) -> bool:
        """Whether files must be fetched before they can be read at random."""
        return is_url(self.root)

    @contextmanager
    def open(self, name: str) -> Iterator[IO[bytes]]:
        """A file to be read from its start.

        Raises:
            UsageError: it cannot be reached; says why.
        """
        where = f"{self.root.rstrip('/')}/{name}"
        if not self.remote:
            with Path(where).open("rb") as local:
                yield local
            return
        import fsspec  # type: ignore[import-untyped]

        kind = where.partition("://")[0]
        try:
            with fsspec.open(where, "rb") as stream:
                yield stream
        except ImportError as error:
            driver = DRIVERS.get(kind, "")
            raise UsageError(
                f"{kind}:// needs the package {driver or error.name}",
                hint=f"pip install {driver or error.name}",
            ) from error
        except FileNotFoundError:
            raise
        except Exception as error:  # each service has kinds of its own
            raise UsageError(
                f"{where} cannot be read: {error}",
                hint="check the address, the network and the credentials of this machine",
            ) from error

    def read(self, name: str) -> bytes:
        """A whole small file; FileNotFoundError where there is none."""
        with self.open(name) as file:
            return file.read()

    def local(self, name: str, checksum: str) -> Path:
        """A file on this machine's disk; a remote one is fetched once, by its content.

        Raises:
            UsageError: what was fetched is not what the manifest promises.
        """
        if not self.remote:
            return Path(self.root) / name
        path = cache_dir() / "chunks" / checksum
        if path.exists():
            return path
        path.parent.mkdir(exist_ok=True)
        with FileLock(path.with_suffix(".lock")):
            if not path.exists():
                temporary = path.with_name(f"{checksum}.{uuid.uuid4().hex}.tmp")
                try:
                    self._fetch(name, temporary, checksum)
                    temporary.replace(path)
                finally:
                    temporary.unlink(missing_ok=True)
        return path

    def _fetch(self, name: str, target: Path, checksum: str) -> None:
        content = xxh3_128()
        with self.open(name) as source, target.open("wb") as file:
            while block := source.read(1 << 20):
                content.update(block)
                file.write(block)
        if content.hexdigest() != checksum:
            raise UsageError(
                f"{self.root}/{name} is not what its manifest promises",
                hint=f"alexcli data verify {self.root}",
            )


class Descriptor:
    """An open file, closed when nobody uses it any more."""

    def __init__(self, path: Path) -> None:
        self.number = os.open(path, os.O_RDONLY)

    def __del__(self) -> None:
        os.close(self.number)


@lru_cache(maxsize=256)
def descriptor(path: Path) -> Descriptor:
    """Open files are kept for the next picture.

    A thread that still reads from one that is dropped here holds it open. Reading names its own
    position, so processes that share one after a fork do not disturb each other.
    """
    return Descriptor(path)
