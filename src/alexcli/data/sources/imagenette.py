"""Source `imagenette`: ten classes of ImageNet, 9,469 + 3,925 photographs of full size."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from alexcli.data.dataset import Dataset
from alexcli.data.sources import folder
from alexcli.data.sources.archives import (
    download_errors,
    only_files_unpacked,
    torchvision_module,
    unpack_aside,
)
from alexcli.data.sources.layout import has_splits
from alexcli.data.sources.root import required_root
from alexcli.errors import UsageError, nearest, sibling_names
from alexcli.reporter import Reporter
from alexcli.schema import DataSpec

ARCHIVE_FOLDER = "imagenette2"

# The "Full size download" of github.com/fastai/imagenette, with the md5 that torchvision checks.
ARCHIVE_URL = "https://s3.amazonaws.com/fast-ai-imageclas/imagenette2.tgz"
ARCHIVE_MD5 = "fe2fc210e6bb7c5664d602c3cd71e612"


def open_splits(
    spec: DataSpec, reporter: Reporter, net_classes: Sequence[str] | None = None
) -> Dataset:
    """Open Imagenette from class folders under `data.root` or its archive's folder there.

    Args:
        spec: the data's keys; the archive is downloaded if `data.download` allows it.
        reporter: receives notes.
        net_classes: see `folder.open_splits`.

    Raises:
        UsageError: no images, or a failed download; see also `folder.open_splits`.
    """
    root = Path(required_root(spec))
    if has_splits(root):
        return folder.open_splits(spec, reporter, net_classes)
    if not root.is_dir() and not spec.download:
        raise _missing_root(root)
    unpacked = root / ARCHIVE_FOLDER
    if spec.download and not unpacked.is_dir():
        _download(root, unpacked)
    if unpacked.is_dir():
        spec = replace(spec, root=str(unpacked))
    return folder.open_splits(spec, reporter, net_classes)


def _download(root: Path, unpacked: Path) -> None:
    """Download the archive to `root` and unpack it there."""
    fetch = torchvision_module("datasets.utils", ["download_and_extract_archive"])

    def fetch_and_unpack(part: Path) -> None:
        fetch.download_and_extract_archive(
            ARCHIVE_URL, str(root), str(part.parent), md5=ARCHIVE_MD5
        )

    with download_errors(root, "Imagenette"), only_files_unpacked():
        unpack_aside(unpacked, fetch_and_unpack)


def _missing_root(root: Path) -> UsageError:
    """The error for a `data.root` that does not exist."""
    similar = nearest(root.name, sibling_names(root))
    if similar:
        hint = f"did you mean {root.parent}/{similar}? (data.download=true downloads Imagenette)"
    else:
        hint = "data.download=true (for `data prepare` download=true) downloads it (1.5 GB)"
    return UsageError(f"data.root={root}, the folder of Imagenette, does not exist", hint=hint)
