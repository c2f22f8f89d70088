"""The manifest of a store, which is untrusted, so every field is checked."""

import re
from pathlib import Path
from typing import Any

from alexcli.data.names import LONGEST_NAME, MOST_CLASSES
from alexcli.data.store import (
    FORMAT,
    LISTING,
    LITDATA_INDEX,
    MANIFEST,
    NO_STORE_HINT,
    PLAN,
    STATISTICS,
    VERSION,
    Chunk,
    Store,
    read_file,
)
from alexcli.errors import UsageError, plural
from alexcli.json_text import LARGEST, parse_json
from alexcli.schema import Encoding

CHECKSUM = re.compile(r"[0-9a-f]{32}")
"""128-bit XXH3. A chunk's checksum is its file name in the cache, so it must not be a path."""
CHUNK_FILE = re.compile(r"[a-z]{1,20}-\d{1,9}\.bin")
OTHER_FILE = re.compile(r"[a-z]{1,20}\.(npz|jsonl)")
SPLITS = ("train", "val", "test")

LONGEST_NOTE = 10_000
LARGEST_SIDE = 65_535
"""Pixels; the largest side that JPEG supports."""


def read_manifest(root: str) -> Store:
    """Read and check a manifest; no chunk is opened.

    Args:
        root: local folder or URL.

    Raises:
        UsageError: there is no store; it is unfinished, or of a newer version; its items are not
            pixels; a field has a form, or a number a range, that `data prepare` does not write.
    """
    try:
        content = parse_json(read_file(root, MANIFEST))
        _check_version(root, content)
        return _parse_manifest(root, content)
    except (FileNotFoundError, NotADirectoryError):
        raise _no_manifest_error(root) from None
    except ValueError as error:
        raise UsageError(
            f"{root.rstrip('/')}/{MANIFEST} is damaged: {error}", hint="prepare the store again"
        ) from error


def _check_version(root: str, content: Any) -> None:
    """Raise UsageError unless this version of alexcli can read the manifest."""
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise UsageError(
            f"{root.rstrip('/')}/{MANIFEST} is not the manifest of a store", hint=NO_STORE_HINT
        )
    version = _whole(content, "version", low=1)
    if version > VERSION:
        raise UsageError(
            f"{root} is a store of version {version}, and this alexcli reads up to version "
            f"{VERSION}",
            hint="install a newer alexcli, or prepare the store again",
        )


def _parse_manifest(root: str, content: dict[str, Any]) -> Store:
    """A manifest from plain data; ValueError if `data prepare` cannot have written it."""
    encoding = content.get("encoding")
    if encoding not in list(Encoding):
        raise ValueError(f"its images are in the format {encoding!r}; raw and jpeg can be read")
    size = _whole(content, "size", low=1, high=LARGEST_SIDE)
    splits = _parse_splits(content.get("splits"))
    if encoding == Encoding.raw:
        _check_raw_sizes(splits, size)
    return Store(
        root=root,
        encoding=Encoding(encoding),
        size=size,
        resize=_text(content, "resize", longest=LONGEST_NAME),
        classes=_parse_classes(content.get("classes")),
        splits=splits,
        files=_parse_files(content.get("files"), splits),
        skipped=_whole(content, "skipped", low=0),
        note=None if content.get("note") is None else _text(content, "note", longest=LONGEST_NOTE),
    )


def _parse_splits(splits: Any) -> dict[str, list[Chunk]]:
    if not isinstance(splits, dict) or "train" not in splits:
        raise ValueError("the split train is missing")
    for name, chunks in splits.items():
        if name not in SPLITS or not isinstance(chunks, list) or not chunks:
            raise ValueError(f"the split {name[:LONGEST_NAME]!r} is not a list of chunks")
    return {name: [_parse_chunk(chunk) for chunk in chunks] for name, chunks in splits.items()}


def _parse_chunk(content: Any) -> Chunk:
    if not isinstance(content, dict):
        raise ValueError(f"a chunk is {type(content).__name__}, not a mapping")
    return Chunk(
        file=_match(CHUNK_FILE, content.get("file"), "file name of a chunk"),
        count=_whole(content, "count", low=0),
        bytes=_whole(content, "bytes", low=0),
        checksum=_match(CHECKSUM, content.get("checksum"), "checksum"),
    )


def _check_raw_sizes(splits: dict[str, list[Chunk]], size: int) -> None:
    """Raise ValueError unless the size of each chunk of raw images fits its number of images."""
    for chunks in splits.values():
        for chunk in chunks:
            if chunk.bytes != chunk.count * size**2 * 3:
                raise ValueError(
                    f"{chunk.file} has {plural(chunk.bytes, 'byte')} for "
                    f"{plural(chunk.count, 'image')} of {size} px"
                )


def _parse_files(files: Any, splits: dict[str, list[Chunk]]) -> dict[str, str]:
    if not isinstance(files, dict):
        raise ValueError("files is not a mapping")
    for name in (LISTING, STATISTICS, *(f"{split}.npz" for split in splits)):
        if name not in files:
            raise ValueError(f"{name} is missing")
    return {
        _match(OTHER_FILE, name, "file name of a store"): _match(CHECKSUM, checksum, "checksum")
        for name, checksum in files.items()
    }


def _parse_classes(classes: Any) -> list[str]:
    if not isinstance(classes, list) or not 0 < len(classes) <= MOST_CLASSES:
        raise ValueError("classes is not a list of names")
    for name in classes:
        if not isinstance(name, str) or not 0 < len(name) <= LONGEST_NAME:
            raise ValueError("a class is not a name")
    if len(set(classes)) < len(classes):
        raise ValueError("two classes have the same name")
    return list(classes)


def _whole(content: dict[str, Any], key: str, *, low: int, high: int = LARGEST) -> int:
    """An integer within its range; ValueError for anything else."""
    value = content.get(key)
    if type(value) is not int or not low <= value <= high:
        raise ValueError(f"{key} is {_shown(value)}, not a whole number from {low} to {high}")
    return value


def _text(content: dict[str, Any], key: str, *, longest: int) -> str:
    """A string of at most `longest` characters; ValueError for anything else."""
    value = content.get(key)
    if not isinstance(value, str) or len(value) > longest:
        raise ValueError(f"{key} is {_shown(value)}, not a text of at most {longest:,} characters")
    return value


def _match(pattern: re.Pattern[str], value: Any, what: str) -> str:
    """A string that matches a pattern; ValueError for anything else."""
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise ValueError(f"{_shown(value)} is not the {what}")
    return value


def _shown(value: Any) -> str:
    """A value in a message."""
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:80]}..."


def _no_manifest_error(root: str) -> UsageError:
    """The reason why a place without a manifest is not a store.

    At a URL, only the manifest is searched for.
    """
    folder = Path(root)
    if (folder / PLAN).exists():
        return UsageError(
            f"{folder} is not finished", hint=f"repeat `alexcli data prepare SOURCE {folder}`"
        )
    if (folder / LITDATA_INDEX).exists():
        formats = re.search(
            r'"data_format":\s*(\[[^\]]*\])', (folder / LITDATA_INDEX).read_text(encoding="utf-8")
        )
        described = f" in the format {formats.group(1)}" if formats else ""
        return UsageError(
            f"{folder} holds items of another program{described}; such items can execute code "
            "when they are read, and none was opened",
            hint="alexcli data prepare makes a store from image files",
        )
    return UsageError(f"{root} holds no {MANIFEST}: it is not a store", hint=NO_STORE_HINT)
