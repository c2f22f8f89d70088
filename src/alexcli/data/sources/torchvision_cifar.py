"""CIFAR-10 and CIFAR-100, from class folders or as torchvision downloads and keeps them."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from alexcli.data.dataset import Dataset, digest
from alexcli.data.images import ArrayImages
from alexcli.data.sources import folder
from alexcli.data.sources.archives import download_errors
from alexcli.data.sources.in_memory import held_in_memory
from alexcli.data.sources.root import required_root
from alexcli.errors import UsageError
from alexcli.reporter import Reporter
from alexcli.schema import DataSpec

CIFAR_SIZE = 32
"""Side of the images, pixels."""


@dataclass(frozen=True)
class CifarArchive:
    """One of the two data sets, as torchvision knows it."""

    name: str
    """For people."""
    torchvision_class: str
    """Name of its class in `torchvision.datasets`."""
    folder: str
    """The folder below `data.root` that its archive unpacks to."""
    megabytes: int
    """Size of the download."""


def open_cifar(spec: DataSpec, archive: CifarArchive, reporter: Reporter) -> Dataset:
    """Open CIFAR from class folders under `data.root`, or else from torchvision's files there.

    Args:
        spec: the data's keys; torchvision downloads the archive where `data.download` allows it.
        archive: which of the two.
        reporter: receives notes.

    Raises:
        UsageError: no images, a failed download, or another size than torchvision's files have.
    """
    root = Path(required_root(spec))
    if (root / "train").is_dir():
        return held_in_memory(folder.open_splits(spec, reporter))
    if not spec.download and not (root / archive.folder).is_dir():
        raise UsageError(
            f"{root} holds neither train/CLASS/* nor torchvision's {archive.folder}",
            hint="data.download=true (for `data prepare` download=true) downloads "
            f"{archive.name} ({archive.megabytes} MB)",
        )
    if spec.size != CIFAR_SIZE:
        raise UsageError(
            f"data.size={spec.size}, but torchvision's {archive.name} has images of "
            f"{CIFAR_SIZE} pixels",
            hint=f"data.size={CIFAR_SIZE}",
        )
    return _read_archive(spec, archive, root)


def _read_archive(spec: DataSpec, archive: CifarArchive, root: Path) -> Dataset:
    """Read torchvision's files into memory; the test set serves as `val` too."""
    from torchvision import datasets  # type: ignore[import-untyped]

    dataset_class = getattr(datasets, archive.torchvision_class)
    # The files are pickles, whose md5 torchvision checks before it reads them.
    with download_errors(root, archive.name):
        train_files = dataset_class(str(root), train=True, download=spec.download)
        test_files = dataset_class(str(root), train=False, download=spec.download)
    train = _as_images(train_files.data, train_files.targets)
    test = _as_images(test_files.data, test_files.targets)
    content = hashlib.sha256(train.images.tobytes()).hexdigest()
    return Dataset.from_splits(
        list(train_files.classes),
        {"train": train, "test": test},
        fingerprint=digest([spec.source.value, content]),
        size=CIFAR_SIZE,
        resize=f"as it comes: {CIFAR_SIZE}",
    )


def _as_images(pixels: np.ndarray, targets: list[int]) -> ArrayImages:
    """Images of torchvision's arrays, whose channels are last in shape but not in memory."""
    return ArrayImages(np.ascontiguousarray(pixels), np.asarray(targets, dtype=np.int64))
