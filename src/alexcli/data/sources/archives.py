"""Downloading and unpacking archives without leaving partial results behind."""

import importlib
import shutil
import tarfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from types import ModuleType
from typing import Any

from filelock import FileLock

from alexcli.data.dataset import digest
from alexcli.errors import UsageError
from alexcli.files import cache_dir

UNPACKING = ".unpacking"
"""The folder, beside the finished one, in which an archive is unpacked."""


@contextmanager
def download_errors(root: Path, name: str) -> Iterator[None]:
    """Turn torchvision's errors when reading or downloading into a UsageError.

    Args:
        root: where torchvision keeps the data; removed if the failed attempt leaves it empty.
        name: the data set's name.
    """
    try:
        yield
    except (OSError, RuntimeError) as error:
        if root.is_dir() and not any(root.iterdir()):
            root.rmdir()
        reason = str(error).replace("download=True", "data.download=true")  # our own key
        raise UsageError(
            f"{name} could not be read from or downloaded to {root}: {reason}",
            hint="check the network, or unpack it yourself as train/CLASS/* and val/CLASS/*",
        ) from error


def unpack_aside(folder: Path, unpack: Callable[[Path], object]) -> None:
    """Make a folder from an archive, unless it exists; one process does it, others wait.

    The folder appears only when it is complete, because its existence means that nothing is left to
    do; a partial one, left by Ctrl-C, would pass as a smaller data set.

    Args:
        folder: the folder to make.
        unpack: unpacks the archive into the new folder whose path it receives.
    """
    part = folder.parent / UNPACKING / folder.name
    with FileLock(cache_dir() / f"unpacking-{digest([str(folder.parent.resolve())])}.lock"):
        if part.parent.exists():  # left by a process that was killed
            shutil.rmtree(part.parent)
        if folder.exists():
            return
        part.parent.mkdir(parents=True)
        try:
            unpack(part)
            part.rename(folder)
        finally:
            shutil.rmtree(part.parent, ignore_errors=True)


@contextmanager
def only_files_unpacked() -> Iterator[None]:
    """Restrict tar archives to plain files and folders while torchvision unpacks them.

    torchvision calls `extractall` without a filter, so before Python 3.14 a member may lie outside
    the folder, be a link to anywhere, or a device. The checksum identifies the archive, but does
    not show that it is harmless.

    Raises:
        UsageError: the archive is damaged, or has other members.
    """
    try:
        with _filtered() if hasattr(tarfile, "data_filter") else _checked():
            yield
    except tarfile.TarError as error:
        raise UsageError(
            f"an archive is damaged or unsafe: {error}",
            hint="get it from its publisher, or unpack it yourself as train/CLASS/* and "
            "val/CLASS/*",
        ) from error


@contextmanager
def _filtered() -> Iterator[None]:
    """Let tarfile itself filter members."""
    earlier = getattr(tarfile.TarFile, "extraction_filter", None)
    tarfile.TarFile.extraction_filter = staticmethod(_harmless_member)
    try:
        yield
    finally:
        tarfile.TarFile.extraction_filter = earlier


@contextmanager
def _checked() -> Iterator[None]:
    """The same for Python before 3.11.4, such as Debian 12's, whose tarfile has no filter."""
    earlier = tarfile.TarFile.extract

    def extract(
        archive: tarfile.TarFile, member: tarfile.TarInfo, *args: Any, **options: Any
    ) -> None:
        _check_member(member)
        member.mode &= 0o755  # as tarfile's own filter does
        earlier(archive, member, *args, **options)

    tarfile.TarFile.extract = extract  # type: ignore[method-assign, assignment]
    try:
        yield
    finally:
        tarfile.TarFile.extract = earlier  # type: ignore[method-assign]


def _harmless_member(member: tarfile.TarInfo, path: str) -> tarfile.TarInfo | None:
    """A member as it should be unpacked below `path`; TarError as in `_check_member`."""
    _check_member(member)
    return tarfile.data_filter(member, path)


def _check_member(member: tarfile.TarInfo) -> None:
    """Refuse anything but plain files and folders inside the destination folder.

    Raises:
        tarfile.TarError: it is not a plain file or folder, or lies elsewhere.
    """
    name = PurePosixPath(member.name.replace("\\", "/"))
    if name.is_absolute() or ".." in name.parts:
        raise tarfile.TarError(f"{member.name!r} would be unpacked outside its folder")
    if not (member.isfile() or member.isdir()):
        raise tarfile.TarError(f"{member.name!r} is neither a file nor a folder")


def torchvision_module(name: str, functions: Sequence[str]) -> ModuleType:
    """A module of torchvision, checked for undocumented functions that are needed.

    Args:
        name: the module below torchvision, such as `datasets.utils`.
        functions: names of the functions that are needed.

    Raises:
        UsageError: the installed torchvision lacks one of them.
    """
    module = importlib.import_module(f"torchvision.{name}")
    missing = [function for function in functions if not hasattr(module, function)]
    if missing:
        version = importlib.import_module("torchvision").__version__
        raise UsageError(
            f"torchvision {version} has no {', '.join(missing)} in {name} to unpack the archive",
            hint="unpack it yourself as train/CLASS/* and val/CLASS/*",
        )
    return module
