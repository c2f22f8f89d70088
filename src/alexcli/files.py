"""Writing files: a reader never finds a half-written one, and an error names the file."""

import contextlib
import errno
import os
import stat
import uuid
from collections.abc import Iterator
from pathlib import Path

from alexcli.errors import RunFailedError, UsageError

TEMPORARY = f"*.{'[0-9a-f]' * 32}.tmp"
"""Pattern of the names that `atomic_path` gives, which a killed process leaves."""

CACHE_HINT = "set ALEXCLI_CACHE to a folder that you can write to"


@contextlib.contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """A temporary path to write to, which is renamed to `path` when the block succeeds.

    The temporary file is in the same folder, and is removed if the block fails. Its content is
    synced to disk before it is renamed, so that a power loss cannot replace the earlier file with
    an empty one.

    Args:
        path: the file to write; an existing one is replaced.
    """
    temporary = path.with_name(f"{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        yield temporary
        sync(temporary)
        temporary.replace(path)
        sync_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def read_limited(path: Path, most: int) -> bytes:
    """Read an untrusted file, up to a size limit.

    Args:
        path: the file; a link may lead to anything.
        most: largest size, bytes.

    Raises:
        OSError: it cannot be read, or is not a regular file, such as a pipe, which could block.
        ValueError: it is longer.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError(errno.EINVAL, "not a file", str(path))
    with path.open("rb") as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise ValueError(f"it is longer than {most:,} bytes")
    return content


def sync(path: Path) -> None:
    """Wait until the content of a file is on the disk.

    Raises:
        OSError: the disk has failed to write it.
    """
    descriptor = os.open(path, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(path: Path) -> None:
    """Wait until the entries of a folder are on the disk, if the system supports that."""
    with contextlib.suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def write_atomic(path: Path, content: bytes | str) -> None:
    """Write a file whole or not at all.

    Args:
        path: the file to write; an existing one is replaced.
        content: bytes, or text to be encoded as UTF-8.
    """
    with atomic_path(path) as temporary:
        if isinstance(content, str):
            temporary.write_text(content, encoding="utf-8")
        else:
            temporary.write_bytes(content)


@contextlib.contextmanager
def writing(target: object, *, hint: str) -> Iterator[None]:
    """Turn an OSError of the block into a UsageError with the system's reason.

    Args:
        target: what is written, as the message names it: a path, or an option such as `--out PATH`.
        hint: what to type instead.
    """
    try:
        yield
    except OSError as error:
        reason = error.strerror or error
        raise UsageError(f"{target} cannot be written: {reason}", hint=hint) from error


def refused_by_system(error: OSError, folder: Path) -> RunFailedError:
    """The error for a file that stops a command which writes to a folder and can resume.

    Only of the files in that folder is it known that they were to be written.

    Args:
        error: names the file, unless it was open.
        folder: what the command writes to.
    """
    path = Path(str(error.filename or folder))
    action = "read or written"
    remedy = "check that path and its permissions"
    if path.is_relative_to(folder):
        action = "written"
        remedy = "make room or fix the permissions"
    return RunFailedError(
        f"{path} cannot be {action}: {error.strerror or error}",
        hint=f"{remedy}, then repeat the same command: it resumes",
    )


def cache_dir() -> Path:
    """The folder of files that can be recreated: $ALEXCLI_CACHE, or ~/.cache/alexcli.

    It is created if it does not exist.

    Raises:
        UsageError: it cannot be created.
    """
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(os.environ.get("ALEXCLI_CACHE") or Path(base, "alexcli"))
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"the cache folder {folder} cannot be created: {error.strerror}", hint=CACHE_HINT
        ) from error
    return folder
