"""Recognizing files that are not the expected weights or image, but a web page or a pointer."""

from pathlib import Path
from typing import NamedTuple

BYTES_READ = 1024
LFS_POINTER = b"version https://git-lfs.github.com/spec/"
PAGE_STARTS = (b"<!doctype", b"<html", b"<head", b"<?xml", b"<script", b"<!--")


class Mistaken(NamedTuple):
    """What a file is instead of weights or an image."""

    clause: str
    """Such as `it is a web page`."""
    hint: str


def mistaken_file(path: Path) -> Mistaken | None:
    """What a file evidently is instead; None if its first bytes do not tell.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        start = file.read(BYTES_READ)
    again = "download it again, and compare its size with the one that its page names"
    if not start:
        return Mistaken("it is empty", again)
    if not start.strip(b"\0"):
        return Mistaken("it begins with zeros", again)
    if start.startswith(LFS_POINTER):
        return Mistaken(
            "it is a pointer of git-lfs, not the file that it stands for", "git lfs pull"
        )
    if start.removeprefix(b"\xef\xbb\xbf").lstrip().lower().startswith(PAGE_STARTS):
        return Mistaken(
            "it is a web page, which a server sent in the place of the file: a login, a quota, "
            "a missing file",
            "open the address in a browser, and look for the link of the file itself",
        )
    return None
