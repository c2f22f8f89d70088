"""The format of a prepared store: a manifest, chunks of plain bytes, and where each image lies.

    manifest.json     classes, splits, chunks with their checksums, how it was prepared
    train.npz         chunk, offset, length, label and source row of each image; val.npz, test.npz
    train-00000.bin   images one after another: raw uint8 (S, S, 3), or JPEG
    statistics.npz    statistics of the training set
    source.jsonl      split, name, bytes, time and label of each file that it was made from

A store lies in a local folder or behind a URL such as s3://bucket/store. Nothing in it is
executed: it holds JSON, numbers, and pixels. An image is read by its position (`pread`): a random
one took 7 microseconds where litdata, which fetches through its own queue of chunks, took 1,100;
in order both read over 100,000 images a second.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xxhash import xxh3_128_hexdigest

from alexcli.data.dataset import digest
from alexcli.errors import UsageError
from alexcli.schema import Encoding

FORMAT = "alexcli-store"
VERSION = 1

MANIFEST = "manifest.json"
PLAN = "plan.json"
"""Stands in for the manifest while the store is being written."""
LISTING = "source.jsonl"
STATISTICS = "statistics.npz"

LITDATA_INDEX = "index.json"
"""The index of a folder that litdata wrote, whose items may be pickles."""

DRIVERS = {"s3": "s3fs", "gs": "gcsfs", "gcs": "gcsfs"}
"""The package with which fsspec reads a kind of URL."""

DAMAGED_HINT = "alexcli data verify STORE finds the damaged chunks; prepare the store again"


@dataclass(frozen=True)
class Chunk:
    """A file of images."""

    file: str
    count: int
    """Images in it."""
    bytes: int
    checksum: str
    """XXH3 of 128 bits, in hexadecimal."""


@dataclass(frozen=True)
class Store:
    """The content of a manifest, and where the store lies."""

    root: str
    """Local folder or URL."""
    encoding: Encoding
    size: int
    """Side of the images, pixels."""
    resize: str
    """How they came to that size."""
    classes: list[str]
    splits: dict[str, list[Chunk]]
    files: dict[str, str]
    """Checksum of each file that is not a chunk."""
    skipped: int
    """Files left out because they cannot be decoded."""
    note: str | None
    """What a reader of a result must know about the data."""

    @property
    def fingerprint(self) -> str:
        """Identity of the images, their classes and their order."""
        chunks = {
            split: [chunk.checksum for chunk in chunks] for split, chunks in self.splits.items()
        }
        indices = {split: self.files[f"{split}.npz"] for split in self.splits}
        return digest([self.classes, self.size, chunks, indices])

    def read(self, name: str) -> bytes:
        """A file that is not a chunk.

        Raises:
            UsageError: it is missing, or its content is not what the manifest promises.
        """
        try:
            content = read_file(self.root, name)
        except FileNotFoundError:
            raise UsageError(f"{self.root}/{name} is missing", hint=DAMAGED_HINT) from None
        if xxh3_128_hexdigest(content) != self.files[name]:
            raise UsageError(
                f"{self.root}/{name} is not what the manifest promises", hint=DAMAGED_HINT
            )
        return content


def is_url(root: str) -> bool:
    """Whether `root` names something that is not a local folder."""
    return "://" in root


def is_store(root: str) -> bool:
    """Whether a folder or URL is to be read as a store, even an unfinished or a foreign one."""
    if is_url(root):
        return True
    if Path(root, "train").is_dir():
        return False
    return any(Path(root, name).is_file() for name in (MANIFEST, PLAN, LITDATA_INDEX))


def read_file(root: str, name: str) -> bytes:
    """The content of a file of a store.

    Args:
        root: local folder or URL.
        name: the file's name in it.

    Raises:
        FileNotFoundError: it does not exist.
        UsageError: a URL that cannot be read, with the reason.
    """
    path = f"{root.rstrip('/')}/{name}"
    if not is_url(root):
        return Path(path).read_bytes()
    import fsspec  # type: ignore[import-untyped]

    try:
        with fsspec.open(path, "rb") as file:
            return bytes(file.read())
    except ImportError as error:
        protocol = path.partition("://")[0]
        driver = DRIVERS.get(protocol, error.name)
        raise UsageError(
            f"{protocol}:// needs the package {driver}", hint=f"pip install {driver}"
        ) from error
    except FileNotFoundError:
        raise
    except Exception as error:  # each service has exceptions of its own
        raise UsageError(
            f"{path} cannot be read: {error}",
            hint="check the address, the network and the credentials of this machine",
        ) from error


def read_manifest(root: str) -> Store:
    """Read and check a manifest; no chunk is opened.

    Args:
        root: local folder or URL.

    Raises:
        UsageError: there is no store; it is unfinished, or of a newer version; its items are
            anything but pixels.
    """
    try:
        content = json.loads(read_file(root, MANIFEST))
        _check_version(root, content)
        return _parse_manifest(root, content)
    except FileNotFoundError:
        raise _no_manifest_error(root) from None
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise UsageError(
            f"{root}/{MANIFEST} is damaged: {error}", hint="prepare the store again"
        ) from error


def _check_version(root: str, content: dict[str, Any]) -> None:
    """UsageError unless the manifest is one that this version of alexcli reads."""
    if content.get("format") != FORMAT:
        raise UsageError(f"{root}/{MANIFEST} is not the manifest of a store")
    version = content["version"]
    if version > VERSION:
        raise UsageError(
            f"{root} is a store of version {version}, and this alexcli reads up to version "
            f"{VERSION}",
            hint="install a newer alexcli, or prepare the store again",
        )


def _parse_manifest(root: str, content: dict[str, Any]) -> Store:
    """A manifest from plain data; KeyError, TypeError or ValueError where it is damaged."""
    splits = {
        split: [_parse_chunk(chunk) for chunk in chunks]
        for split, chunks in content["splits"].items()
    }
    if "train" not in splits:
        raise ValueError("the split train is missing")
    files = {str(name): str(checksum) for name, checksum in content["files"].items()}
    for name in (LISTING, STATISTICS, *(f"{split}.npz" for split in splits)):
        if name not in files:
            raise ValueError(f"{name} is missing")
    chunk_files = [chunk.file for chunks in splits.values() for chunk in chunks]
    for name in (*chunk_files, *files):
        # The manifest of a stranger must not name files outside its folder.
        if not re.fullmatch(r"[a-z]+(-\d+)?\.(bin|npz|jsonl)", name):
            raise ValueError(f"{name!r} is not a file name of a store")
    if content["encoding"] not in list(Encoding):
        raise ValueError(
            f"its images are in the format {content['encoding']!r}; raw and jpeg can be read"
        )
    return Store(
        root=root,
        encoding=Encoding(content["encoding"]),
        size=int(content["size"]),
        resize=str(content["resize"]),
        classes=[str(name) for name in content["classes"]],
        splits=splits,
        files=files,
        skipped=int(content["skipped"]),
        note=content["note"],
    )


def _parse_chunk(content: dict[str, Any]) -> Chunk:
    return Chunk(
        file=str(content["file"]),
        count=int(content["count"]),
        bytes=int(content["bytes"]),
        checksum=str(content["checksum"]),
    )


def _no_manifest_error(root: str) -> UsageError:
    """The reason why a place without a manifest is not a store.

    Behind a URL only the manifest is looked for.
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
    return UsageError(
        f"{root} holds no {MANIFEST}: it is not a store",
        hint="alexcli data prepare SOURCE DEST makes one",
    )
