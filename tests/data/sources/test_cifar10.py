from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from torchvision.datasets import CIFAR10

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

CLASSES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
LABELS = [0, 3, 9, 1]  # of every batch
TRAINING_BATCHES = [f"data_batch_{number}" for number in range(1, 6)]


@pytest.fixture
def training_pixels(site: Site, monkeypatch: pytest.MonkeyPatch) -> np.ndarray:
    """CIFAR-10 on a server, 4 images a batch; the images of the training set, in order."""
    rng = np.random.default_rng(0)
    names = [*TRAINING_BATCHES, "test_batch"]
    batches = {name: random_batch(rng, "labels", LABELS) for name in names}
    offer_archive(site, monkeypatch, CIFAR10, batches, CLASSES)
    return batch_pixels([batches[name] for name in TRAINING_BATCHES])


def test_cifar10_is_downloaded_and_prepared(
    training_pixels: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALEXCLI_CACHE", str(tmp_path / "cache"))
    spec = PrepareSpec(size=32, processes=2, download=True)
    write_store(open_source("cifar10", spec), tmp_path / "store", spec, NullReporter())
    store = open_store(str(tmp_path / "store"))
    assert (len(store.train), len(store.val)) == (20, 4)
    order = [int(name) for name in store.train.names()]
    assert np.array_equal(store.train.fetch(range(20)), training_pixels[order])
    assert store.train.labels.tolist() == [LABELS[number % 4] for number in order]

    opened_again = open_source("cifar10", PrepareSpec(size=32))  # without a download
    assert opened_again.classes[3] == "cat"


@pytest.mark.usefixtures("training_pixels")
def test_a_download_with_another_checksum_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(CIFAR10, "tgz_md5", "0" * 32)
    spec = DataSpec(Source.cifar10, str(tmp_path / "root"), size=32, download=True)
    with pytest.raises(UsageError, match="could not be read from or downloaded"):
        open_dataset(spec)


def test_a_damaged_archive_is_answered_with_the_key_that_downloads_it(tmp_path: Path) -> None:
    (tmp_path / "cifar-10-batches-py").mkdir()
    spec = DataSpec(Source.cifar10, str(tmp_path), size=32)
    with pytest.raises(UsageError, match=r"corrupted\. You can use data\.download=true"):
        open_dataset(spec)


@pytest.mark.usefixtures("training_pixels")
def test_the_folder_that_holds_the_unpacked_archive_can_be_prepared(tmp_path: Path) -> None:
    root = tmp_path / "root"
    open_dataset(DataSpec(Source.cifar10, str(root), size=32, download=True))
    dataset = open_source(str(root), PrepareSpec())
    assert dataset.classes == CLASSES
    assert dataset.size == 32


def test_another_size_enlarges_the_images_whenever_they_are_read(
    tmp_path: Path, training_pixels: np.ndarray
) -> None:
    root = str(tmp_path / "root")
    small = open_dataset(DataSpec(Source.cifar10, root, size=32, download=True))
    large = open_dataset(DataSpec(Source.cifar10, root, size=64))
    assert (small.size, large.size) == (32, 64)
    assert small.fingerprint != large.fingerprint
    image = Image.fromarray(training_pixels[3]).resize((64, 64), Image.Resampling.BILINEAR)
    assert np.array_equal(large.train.fetch([3])[0], np.asarray(image))


@pytest.mark.usefixtures("training_pixels")
def test_a_typed_size_of_a_store_is_kept(tmp_path: Path) -> None:
    spec = PrepareSpec(size=40, root=str(tmp_path / "root"), download=True, processes=1)
    assert write_store(open_source("cifar10", spec), tmp_path / "store", spec, NullReporter())
    store = open_store(str(tmp_path / "store"))
    assert store.size == 40
    assert list(store.splits()) == ["train", "test"]
