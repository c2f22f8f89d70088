"""The format of a prepared store: a manifest, chunks of plain bytes, and an index of the images.

    manifest.json     classes, splits, chunks with their checksums, how it was prepared
    train.npz         chunk, offset, length, label and source row of each image; val.npz, test.npz
    train-00000.bin   images one after another: raw uint8 (S, S, 3), or JPEG
    statistics.npz    statistics of the training set
    source.jsonl      split, name, bytes, time and label of each source file

A store is a local folder or a URL such as s3://bucket/store. Nothing in it is executed: it holds
JSON, numbers, and pixels. An image is read by its position (`pread`): a random read took 7
microseconds, while litdata, which fetches through its own queue of chunks, took 1,100; in order,
both read over 100,000 images per second.
"""

from dataclasses import dataclass
from pathlib import Path

from xxhash import xxh3_128_hexdigest

from alexcli.data.dataset import digest
from alexcli.errors import UsageError
from alexcli.schema import Encoding

FORMAT = "alexcli-store"
VERSION = 1

NO_STORE_HINT = "alexcli data prepare SOURCE DEST makes one; data=folder reads image files"

MANIFEST = "manifest.json"
PLAN = "plan.json"
"""File that replaces the manifest while the store is being written."""
LISTING = "source.jsonl"
STATISTICS = "statistics.npz"

LITDATA_INDEX = "index.json"
"""Index of a folder written by litdata, whose items may be pickles."""

DRIVERS = {"s3": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "http": "aiohttp", "https": "aiohttp"}
"""The kinds of URL that are read, and the package that fsspec needs for each.

Others are refused, for a URL may come from a stranger's run, and fsspec knows kinds that compute,
read local files or log in elsewhere, such as reference:// and ssh://.
"""

DAMAGED_HINT = "alexcli data verify STORE finds the damaged chunks; prepare the store again"


@dataclass(frozen=True)
class Chunk:
    """A file of images."""

    file: str
    count: int
    """Number of images in it."""
    bytes: int
    checksum: str
    """128-bit XXH3, in hexadecimal."""


@dataclass(frozen=True)
class Store:
    """The content of a manifest, and the location of the store."""

    root: str
    """Local folder or URL."""
    encoding: Encoding
    size: int
    """Side of the images, pixels."""
    resize: str
    """How they were resized to that size."""
    classes: list[str]
    splits: dict[str, list[Chunk]]
    files: dict[str, str]
    """Checksum of each file that is not a chunk."""
    skipped: int
    """Number of files left out because they cannot be decoded."""
    note: str | None
    """A caveat about the data for readers of a result."""

    @property
    def fingerprint(self) -> str:
        """Identity of the images, their classes and their order."""
        chunks = {
            split: [chunk.checksum for chunk in chunks] for split, chunks in self.splits.items()
        }
        indices = {split: self.files[f"{split}.npz"] for split in self.splits}
        return digest([self.classes, self.size, chunks, indices])

    def read(self, name: str) -> bytes:
        """Read a file that is not a chunk.

        Raises:
            UsageError: it is missing or cannot be read, or its content does not match the manifest.
        """
        try:
            content = read_file(self.root, name)
        except FileNotFoundError:
            raise UsageError(f"{self.root}/{name} is missing", hint=DAMAGED_HINT) from None
        except OSError as error:
            raise UsageError(
                f"{self.root}/{name} cannot be read: {error.strerror}", hint=DAMAGED_HINT
            ) from error
        if xxh3_128_hexdigest(content) != self.files[name]:
            raise UsageError(f"{self.root}/{name} does not match the manifest", hint=DAMAGED_HINT)
        return content


def is_url(root: str) -> bool:
    """Whether `root` is a URL and not a local folder."""
    return "://" in root


def is_store(root: str) -> bool:
    """Whether to read a folder or URL as a store, even an unfinished or foreign one."""
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
        UsageError: the URL is of a kind that is not read, or cannot be read; the message has the
            reason.
    """
    path = f"{root.rstrip('/')}/{name}"
    if not is_url(root):
        return Path(path).read_bytes()
    protocol = _checked_protocol(root)
    import fsspec  # type: ignore[import-untyped]

    try:
        with fsspec.open(path, "rb") as file:
            return bytes(file.read())
    except ImportError as error:
        driver = DRIVERS.get(protocol, error.name)
        raise UsageError(
            f"{protocol}:// needs the package {driver}", hint=f"pip install {driver}"
        ) from error
    except FileNotFoundError:
        raise
    except Exception as error:  # each service has its own exceptions
        raise UsageError(
            f"{path} cannot be read: {error}",
            hint="check the address, the network and the credentials of this machine",
        ) from error


def _checked_protocol(url: str) -> str:
    """The kind of a URL, such as s3; UsageError for one that is not read, or for a chain."""
    protocol = url.partition("://")[0]
    if protocol in DRIVERS and "::" not in url:
        return protocol
    kinds = ", ".join(f"{name}://" for name in DRIVERS)
    reason = "one URL inside another" if protocol in DRIVERS else f"a URL of kind {protocol}://"
    raise UsageError(
        f"{url} is {reason}; a store is read from {kinds}",
        hint="copy the store to a folder of this machine, and name it by its path",
    )
