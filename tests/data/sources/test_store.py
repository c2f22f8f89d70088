from pathlib import Path

import pytest

from alexcli.data.open import open_dataset, open_source
from alexcli.data.store_writer import write_store
from alexcli.errors import UsageError
from alexcli.reporter import NullReporter
from alexcli.schema import DataSpec, PrepareSpec, Source
from tests.data.class_folders import make_class_folders


@pytest.fixture
def store(tmp_path: Path) -> str:
    """A prepared store of nine training and six validation images."""
    root = make_class_folders(tmp_path / "folders", {"train": 3, "val": 2})
    spec = PrepareSpec(size=8, processes=1)
    write_store(open_source(str(root), spec), tmp_path / "store", spec, NullReporter())
    return str(tmp_path / "store")


@pytest.mark.parametrize("source", [Source.store, Source.folder, Source.cifar100])
def test_every_source_reads_a_store(source: Source, store: str) -> None:
    dataset = open_dataset(DataSpec(source=source, root=store))
    assert (len(dataset.train), len(dataset.val), dataset.size) == (9, 6, 8)


def test_a_folder_without_a_store_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="it is not a store"):
        open_dataset(DataSpec(source=Source.store, root=str(tmp_path)))
