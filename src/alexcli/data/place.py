"""Files of a store, in a local folder or behind a URL such as s3://bucket/store."""

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from io import BufferedReader
from pathlib import Path

from filelock import FileLock
from xxhash import xxh3_128

from alexcli.data.cache import cache_dir, whole_file
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
    def open(self, name: str) -> Iterator[BufferedReader]:
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
            driver = DRIVERS.get(kind, error.name)
            raise UsageError.of("store.driver", kind=kind, driver=driver) from error
        except FileNotFoundError:
            raise
        except Exception as error:  # each service has kinds of its own
            raise UsageError.of("store.unreachable", where=where, error=error) from error

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
                with whole_file(path) as temporary:
                    with self.open(name) as source, temporary.open("wb") as file:
                        shutil.copyfileobj(source, file, 1 << 20)
                    if file_checksum(temporary) != checksum:
                        raise UsageError.of("store.fetched_other", root=self.root, name=name)
        return path


def file_checksum(path: Path) -> str:
    """Of a file's content, as the manifest keeps it."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, xxh3_128).hexdigest()


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
