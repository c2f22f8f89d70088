from pathlib import Path

import numpy as np
import pytest
from torchvision.datasets import CIFAR100

from alexcli.data.open import open_dataset, open_source
from alexcli.data.store_images import open_store
from alexcli.data.store_writer import write_store
from alexcli.errors import UsageError
from alexcli.reporter import NullReporter
from alexcli.schema import DataSpec, PrepareSpec, Source
from tests.data.sources.cifar_archives import batch_pixels, offer_archive, random_batch
from tests.local_site import Site

pytestmark = pytest.mark.filterwarnings(
    "ignore:Python 3.14 will, by default, filter:DeprecationWarning"
)

CLASSES = [f"class {number}" for number in range(100)]
TRAINING_LABELS = [0, 99, 7, 42, 13, 7]


@pytest.fixture
def training_pixels(site: Site, monkeypatch: pytest.MonkeyPatch) -> np.ndarray:
    """CIFAR-100 on a server; the 6 images of its training set, in order."""
    rng = np.random.default_rng(0)
    train = random_batch(rng, "fine_labels", TRAINING_LABELS)
    train["coarse_labels"] = [19] * len(TRAINING_LABELS)
    test = random_batch(rng, "fine_labels", [1, 98])
    test["coarse_labels"] = [3, 3]
    batches = {"train": train, "test": test}
    offer_archive(site, monkeypatch, CIFAR100, batches, CLASSES)
    return batch_pixels([train])


def test_cifar100_is_downloaded_and_prepared_with_its_fine_labels(
    training_pixels: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALEXCLI_CACHE", str(tmp_path / "cache"))
    spec = PrepareSpec(size=32, processes=2, download=True)
    write_store(open_source("cifar100", spec), tmp_path / "store", spec, NullReporter())
    store = open_store(str(tmp_path / "store"))
    assert (len(store.train), len(store.val)) == (6, 2)
    order = [int(name) for name in store.train.names()]
    assert np.array_equal(store.train.fetch(range(6)), training_pixels[order])
    assert store.train.labels.tolist() == [TRAINING_LABELS[number] for number in order]
    assert sorted(store.val.labels.tolist()) == [1, 98]

    opened_again = open_source("cifar100", PrepareSpec(size=32))  # without a download
    assert opened_again.classes == CLASSES


@pytest.mark.usefixtures("training_pixels")
def test_a_download_with_another_checksum_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(CIFAR100, "tgz_md5", "0" * 32)
    spec = DataSpec(Source.cifar100, str(tmp_path / "root"), size=32, download=True)
    with pytest.raises(UsageError, match="CIFAR-100 could not be read from or downloaded"):
        open_dataset(spec)


@pytest.mark.usefixtures("training_pixels")
def test_the_folder_that_holds_the_unpacked_archive_can_be_prepared(tmp_path: Path) -> None:
    root = tmp_path / "root"
    open_dataset(DataSpec(Source.cifar100, str(root), size=32, download=True))
    dataset = open_source(str(root), PrepareSpec())
    assert dataset.classes == CLASSES
    assert dataset.size == 32
