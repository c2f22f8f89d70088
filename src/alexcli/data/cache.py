"""Files that can be made again, under $ALEXCLI_CACHE (default ~/.cache/alexcli)."""

import os
import uuid
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from filelock import FileLock

from alexcli.errors import UsageError

Arrays = Mapping[str, npt.NDArray[Any]]


def cache_dir() -> Path:
    """The cache folder, made if need be.

    Raises:
        UsageError: it cannot be made or written.
    """
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(os.environ.get("ALEXCLI_CACHE") or Path(base, "alexcli"))
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError.of("data.cache_folder", folder=folder, error=error) from error
    return folder


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Where to write: it takes the name `path` when all is written, and else it is removed."""
    temporary = path.with_name(f"{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def place(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    with whole_file(path) as temporary:
        temporary.write_bytes(content)


def cached(name: str, make: Callable[[], Arrays]) -> dict[str, npt.NDArray[Any]]:
    """The arrays of a name, made once: parallel runs wait for the one that makes them.

    Written to a temporary file and renamed, so a killed run leaves nothing half-made.
    Object arrays are neither written nor read, so reading executes nothing.
    """
    path = cache_dir() / f"{name}.npz"
    try:
        with FileLock(path.with_suffix(".lock")):
            if not path.exists():
                made = make()
                with whole_file(path) as temporary, temporary.open("wb") as file:
                    np.savez(file, allow_pickle=False, **made)
    except OSError as error:
        raise UsageError.of("data.cache_unwritable", path=path, error=error) from error
    try:
        with np.load(path, allow_pickle=False) as stored:
            return {key: stored[key] for key in stored.files}
    except (OSError, EOFError, ValueError, zipfile.BadZipFile) as error:
        raise UsageError.of("data.cache_damaged", path=path, error=error) from error
