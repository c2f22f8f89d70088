"""CIFAR-10 and CIFAR-100, from class folders or from torchvision's downloads."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from alexcli.data.dataset import Dataset, digest
from alexcli.data.decode import ResizeSpec
from alexcli.data.images import ArrayImages
from alexcli.data.sources import folder
from alexcli.data.sources.archives import download_errors, only_files_unpacked
from alexcli.data.sources.in_memory import held_in_memory
from alexcli.data.sources.layout import find_layout
from alexcli.data.sources.root import required_root
from alexcli.errors import UsageError
from alexcli.reporter import Reporter
from alexcli.schema import DataSpec

CIFAR_SIZE = 32
"""Side of the images, pixels."""

MOST_HELD_IN_MEMORY = 1 << 30
"""Largest class folders, in bytes, that are decoded once; larger ones are read in every epoch."""


@dataclass(frozen=True)
class CifarArchive:
    """One of the two data sets in torchvision."""

    name: str
    """Readable name."""
    torchvision_class: str
    """Name of its class in `torchvision.datasets`."""
    folder: str
    """The folder below `data.root` that its archive unpacks to."""
    megabytes: int
    """Size of the download."""


def open_cifar(
    spec: DataSpec,
    archive: CifarArchive,
    reporter: Reporter,
    net_classes: Sequence[str] | None = None,
) -> Dataset:
    """Open CIFAR from class folders under `data.root`, or else from torchvision's files there.

    Args:
        spec: the data's keys; torchvision downloads the archive if `data.download` allows it.
            For a size other than 32, images are resized whenever they are read.
        archive: which of the two data sets.
        reporter: receives notes.
        net_classes: see `folder.open_splits`.

    Raises:
        UsageError: no images, or a failed download.
    """
    root = Path(required_root(spec))
    is_unpacked = (root / archive.folder).is_dir()
    if not is_unpacked and root.is_dir() and find_layout(root).folders:
        dataset = folder.open_splits(spec, reporter, net_classes)
        count = len(dataset.train) + len(dataset.val)
        fits = 3 * count * spec.size**2 <= MOST_HELD_IN_MEMORY
        return held_in_memory(dataset) if fits and len(dataset.train) else dataset
    if not spec.download and not is_unpacked:
        raise UsageError(
            f"{root} holds neither train/CLASS/* nor torchvision's {archive.folder}",
            hint="data.download=true (for `data prepare` download=true) downloads "
            f"{archive.name} ({archive.megabytes} MB)",
        )
    return _read_archive(spec, archive, root)


def _read_archive(spec: DataSpec, archive: CifarArchive, root: Path) -> Dataset:
    """Read torchvision's files into memory; the test set serves as `val` too."""
    from torchvision import datasets  # type: ignore[import-untyped]

    dataset_class = getattr(datasets, archive.torchvision_class)
    # The files are pickles; torchvision checks their md5 before reading them.
    with download_errors(root, archive.name), only_files_unpacked():
        train_files = dataset_class(str(root), train=True, download=spec.download)
        test_files = dataset_class(str(root), train=False, download=spec.download)
    resize_spec = None if spec.size == CIFAR_SIZE else ResizeSpec.from_spec(spec)
    train = _as_images(train_files.data, train_files.targets, resize_spec)
    test = _as_images(test_files.data, test_files.targets, resize_spec)
    identity = [spec.source.value, hashlib.sha256(train.images.tobytes()).hexdigest()]
    if resize_spec is not None:
        identity.append(str(resize_spec))
    return Dataset.from_splits(
        list(train_files.classes),
        {"train": train, "test": test},
        fingerprint=digest(identity),
        size=spec.size,
        resize=f"as it comes: {CIFAR_SIZE}" if resize_spec is None else str(resize_spec),
    )


def _as_images(
    pixels: np.ndarray, targets: list[int], resize_spec: ResizeSpec | None
) -> ArrayImages:
    """Images from torchvision's arrays, whose channels are last in shape but not in memory."""
    labels = np.asarray(targets, dtype=np.int64)
    return ArrayImages(np.ascontiguousarray(pixels), labels, resize_spec)
