"""Source `cifar10`: ten classes, 50,000 + 10,000 images of 32 x 32 (Krizhevsky 2009)."""

from collections.abc import Sequence

from alexcli.data.dataset import Dataset
from alexcli.data.sources.torchvision_cifar import CIFAR_SIZE, CifarArchive, open_cifar
from alexcli.reporter import Reporter
from alexcli.schema import DataSpec

ARCHIVE_FOLDER = "cifar-10-batches-py"

IMAGE_SIZE = CIFAR_SIZE


def open_splits(
    spec: DataSpec, reporter: Reporter, net_classes: Sequence[str] | None = None
) -> Dataset:
    """Open CIFAR-10; see `open_cifar`."""
    archive = CifarArchive("CIFAR-10", "CIFAR10", folder=ARCHIVE_FOLDER, megabytes=170)
    return open_cifar(spec, archive, reporter, net_classes)
