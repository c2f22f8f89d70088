"""What identifies the image files of a split wherever they lie: names, sizes, some contents.

The size in bytes of a compressed file follows its pixels, so that a million photographs are told
from others without being read. That of a BMP or PPM only says how many pixels there are.
"""

import hashlib
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import numpy as np

from alexcli.checksum import file_checksum
from alexcli.data.cache import Arrays, cached
from alexcli.data.dataset import digest
from alexcli.data.images import file_stamp
from alexcli.data.sources.class_folders import SplitFiles
from alexcli.errors import plural
from alexcli.reporter import Reporter

COMPRESSED = frozenset((".apng", ".gif", ".jfif", ".jpe", ".jpeg", ".jpg", ".png", ".webp"))
"""Extensions of files whose size follows their pixels, in lower case with the dot.

JPEG 2000 is not among them: its encoders can aim at a size. TIFF may be compressed or not.
"""


def listing_digest(files: SplitFiles, reporter: Reporter) -> str:
    """A digest of every file: class, name, size in bytes, and the content if it is no COMPRESSED.

    Args:
        files: the images of a split.
        reporter: is told when contents are read.
    """
    content = hashlib.sha256()
    for name, path in zip(files.names, files.paths, strict=True):
        size, _ = file_stamp(path)
        content.update(f"{name}:{size}\n".encode(errors="surrogateescape"))
    to_read = [path for path in files.paths if path.suffix.lower() not in COMPRESSED]
    if to_read:
        content.update(_contents_digest(to_read, reporter).encode())
    return content.hexdigest()[:16]


def _contents_digest(paths: Sequence[Path], reporter: Reporter) -> str:
    """A digest of the contents of files, which are read again only if one of them has changed."""

    def read() -> Arrays:
        reporter.busy(f"reading {plural(len(paths), 'file')}, which their sizes do not tell apart")
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            return {"digest": np.array(digest(list(pool.map(_checksum, paths))))}

    name = f"contents-{digest([_place_and_stamp(path) for path in paths])}"
    return str(cached(name, read)["digest"])


def _place_and_stamp(path: Path) -> list[str | int]:
    """Values that change when a file does: unlike its time of modification, no program sets ctime.

    A file that cannot be looked at has its path alone.
    """
    with suppress(OSError):
        status = path.stat()
        return [str(path.absolute()), status.st_size, status.st_ctime_ns]
    return [str(path.absolute())]


def _checksum(path: Path) -> str:
    """The checksum of a file; an empty text if it cannot be read, which decoding it reports."""
    with suppress(OSError):
        if path.is_file():  # reading a pipe would wait forever
            return file_checksum(path)
    return ""
