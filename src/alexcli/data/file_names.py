"""Names in a data folder: recognizing files that are not data, and normalizing spelling.

Names are used as they appear: a link has its own name, not that of its target.
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
"""Names of files that macOS, Windows, Linux and network disks leave in folders, in lower case."""

COMPANION_SUFFIXES = frozenset(
    (
        *(".txt", ".csv", ".tsv", ".json", ".jsonl", ".xml", ".yaml", ".yml", ".html", ".md"),
        *(".db", ".ini", ".log", ".mat", ".npy", ".npz", ".pkl", ".py", ".pdf", ".sha256", ".md5"),
    )
)
"""Extensions of files that accompany images, such as bounding boxes and licences."""


def is_data(name: str) -> bool:
    """Whether a file or folder may be data, which hidden and system files are not."""
    return not name.startswith(".") and name.lower() not in SYSTEM_NAMES


def normal_form(name: str) -> str:
    """A name in Unicode's NFC form: macOS may store an accent as a separate character (NFD)."""
    return unicodedata.normalize("NFC", name)


@dataclass
class FolderImages:
    """The images of a folder and of the folders below it."""

    names: list[str] = field(default_factory=list)
    """Paths below the folder, joined by slashes; within a folder sorted by name."""
    other_images: list[str] = field(default_factory=list)
    """The same for images in formats that are not read."""
    unread: Counter[str] = field(default_factory=Counter)
    """Number of other files by extension, without those that accompany images."""

    def described_unread(self) -> str:
        """The other files for people, such as `20 .heic`."""
        return ", ".join(
            f"{count:,} {suffix or 'without an ending'}"
            for suffix, count in sorted(self.unread.items())
        )


def images_below(folder: Path) -> FolderImages:
    """The image files in a folder and the folders below it, recognized by their extensions.

    Links are followed, but not in cycles. Hidden and system files are left out.

    Args:
        folder: an existing folder.

    Raises:
        UsageError: a folder cannot be read.
    """
    images = FolderImages()
    _collect(folder, "", images, [_identity(folder)])
    return images


def _collect(folder: Path, prefix: str, images: FolderImages, above: list[tuple[int, int]]) -> None:
    """Collect the images of a folder.

    Args:
        folder: the folder.
        prefix: prefix of its files' names.
        images: receives the names.
        above: identities of the folder and of its parent folders.
    """
    for entry in entries_of(folder):
        if _is_folder(entry):
            path = folder / entry.name
            identity = _identity(path)
            if identity not in above:
                _collect(path, f"{prefix}{entry.name}/", images, [*above, identity])
            continue
        suffix = Path(entry.name).suffix.lower()
        if suffix in SUFFIXES:
            images.names.append(prefix + entry.name)
        elif suffix not in COMPANION_SUFFIXES:
            images.unread[suffix] += 1
            if suffix in UNREAD_FORMATS:
                images.other_images.append(prefix + entry.name)


def entries_of(folder: Path) -> list["os.DirEntry[str]"]:
    """The files and folders in a folder, sorted by name, without hidden and system ones.

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
        depth: how many levels of folders are searched.
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
