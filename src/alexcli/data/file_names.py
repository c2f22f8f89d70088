"""Names in a data folder: what is no data at all, and one spelling for each name.

A name comes as it was typed: a link has its own name, not that of what it points to.
"""

import os
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from alexcli.data.decode import SUFFIXES, UNREAD_FORMATS
from alexcli.errors import UsageError

SYSTEM_NAMES = frozenset(
    (
        "__macosx",
        "$recycle.bin",
        "@eadir",
        "desktop.ini",
        "ehthumbs.db",
        "icon\r",
        "lost+found",
        "system volume information",
        "thumbs.db",
    )
)
"""What macOS, Windows, Linux and network disks leave in folders, in lower case."""

COMPANION_SUFFIXES = frozenset(
    (
        *(".txt", ".csv", ".tsv", ".json", ".jsonl", ".xml", ".yaml", ".yml", ".html", ".md"),
        *(".db", ".ini", ".log", ".mat", ".npy", ".npz", ".pkl", ".py", ".pdf", ".sha256", ".md5"),
    )
)
"""Endings of files that accompany images, such as bounding boxes and licences."""


def is_data(name: str) -> bool:
    """Whether a file or folder may be data: hidden and system files are none."""
    return not name.startswith(".") and name.lower() not in SYSTEM_NAMES


def normal_form(name: str) -> str:
    """One spelling of a name: macOS may write an accent as a character of its own (NFD)."""
    return unicodedata.normalize("NFC", name)


@dataclass
class FolderImages:
    """The images of a folder and of the folders below it."""

    names: list[str] = field(default_factory=list)
    """Paths below the folder, parts joined by a slash; those of a folder in order of name."""
    other_images: list[str] = field(default_factory=list)
    """The same of images in formats that are not read."""
    unread: Counter[str] = field(default_factory=Counter)
    """How many other files there are, by ending, without those that accompany images."""

    def described_unread(self) -> str:
        """The other files for people, such as `20 .heic`."""
        return ", ".join(
            f"{count:,} {suffix or 'without an ending'}"
            for suffix, count in sorted(self.unread.items())
        )


def images_below(folder: Path) -> FolderImages:
    """The image files of a folder, recognized by their endings, and of the folders below it.

    Links are followed, but never in a circle. Hidden and system files are left out.

    Args:
        folder: an existing folder.

    Raises:
        UsageError: a folder cannot be read.
    """
    found = FolderImages()
    _collect(folder, "", found, [_identity(folder)])
    return found


def _collect(folder: Path, prefix: str, found: FolderImages, above: list[tuple[int, int]]) -> None:
    """Add the images of a folder.

    Args:
        folder: the folder.
        prefix: what its files' names begin with.
        found: receives the names.
        above: identities of the folder and of those that it lies in.
    """
    for entry in entries_of(folder):
        if _is_folder(entry):
            path = folder / entry.name
            identity = _identity(path)
            if identity not in above:
                _collect(path, f"{prefix}{entry.name}/", found, [*above, identity])
            continue
        suffix = Path(entry.name).suffix.lower()
        if suffix in SUFFIXES:
            found.names.append(prefix + entry.name)
        elif suffix not in COMPANION_SUFFIXES:
            found.unread[suffix] += 1
            if suffix in UNREAD_FORMATS:
                found.other_images.append(prefix + entry.name)


def entries_of(folder: Path) -> list["os.DirEntry[str]"]:
    """The files and folders of a folder in order of name, without hidden and system ones.

    Raises:
        UsageError: the folder cannot be read.
    """
    try:
        with os.scandir(folder) as entries:
            return sorted((e for e in entries if is_data(e.name)), key=lambda entry: entry.name)
    except OSError as error:
        raise UsageError(
            f"the folder {folder} cannot be read: {error.strerror}", hint="check its permissions"
        ) from error


def subfolders(folder: Path) -> list[str]:
    """Names of the folders in a folder, sorted, without hidden and system ones."""
    return [entry.name for entry in entries_of(folder) if _is_folder(entry)]


def holds_images(folder: Path, *, depth: int = 3) -> bool:
    """Whether one of the first files of a folder, or of those below it, is an image.

    Args:
        folder: an existing folder.
        depth: how many levels of folders are looked at.
    """
    return any(_glance(folder, depth))


def _glance(folder: Path, depth: int) -> Iterator[bool]:
    entries = entries_of(folder)[:50]
    for entry in entries:
        if not _is_folder(entry):
            yield Path(entry.name).suffix.lower() in SUFFIXES
        elif depth > 1:
            yield from _glance(folder / entry.name, depth - 1)


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _identity(folder: Path) -> tuple[int, int]:
    status = folder.stat()
    return status.st_dev, status.st_ino
