"""Source `cifar100`: a hundred classes, 50,000 + 10,000 images of 32 x 32 (Krizhevsky 2009)."""

from collections.abc import Sequence

from alexcli.data.dataset import Dataset
from alexcli.data.sources.torchvision_cifar import CIFAR_SIZE, CifarArchive, open_cifar
from alexcli.reporter import Reporter
from alexcli.schema import DataSpec

ARCHIVE_FOLDER = "cifar-100-python"

IMAGE_SIZE = CIFAR_SIZE


def open_splits(
    spec: DataSpec, reporter: Reporter, net_classes: Sequence[str] | None = None
) -> Dataset:
    """Open CIFAR-100 with its 100 fine labels; see `open_cifar`."""
    archive = CifarArchive("CIFAR-100", "CIFAR100", folder=ARCHIVE_FOLDER, megabytes=169)
    return open_cifar(spec, archive, reporter, net_classes)
