from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from alexcli.data.open import open_dataset, open_source
from alexcli.errors import UsageError
from alexcli.schema import DataSpec, PrepareSpec, Source
from tests.data.class_folders import make_class_folders

both_sources = pytest.mark.parametrize("source", [Source.cifar10, Source.cifar100])


@both_sources
def test_without_images_the_hint_says_how_to_get_them(source: Source, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds neither train/CLASS") as caught:
        open_dataset(DataSpec(source=source, root=str(tmp_path), size=32))
    assert "data.download=true" in (caught.value.hint or "")


@both_sources
def test_a_download_needs_the_network_and_a_failed_one_leaves_no_folder(
    source: Source, tmp_path: Path
) -> None:
    root = tmp_path / "new"
    spec = DataSpec(source=source, root=str(root), size=32, download=True)
    with pytest.raises(UsageError, match="could not be read from or downloaded"):
        open_dataset(spec)
    assert not root.exists()


@both_sources
def test_class_folders_are_read_into_memory(source: Source, tmp_path: Path) -> None:
    root = make_class_folders(tmp_path, {"train": 4, "test": 2}, size=(32, 32))
    dataset = open_dataset(DataSpec(source=source, root=str(root), size=32))
    assert dataset.train.fetch([0]).shape == (1, 32, 32, 3)
    assert dataset.test is dataset.val
    stored = np.asarray(Image.open(root / "train/b/2.png"))
    assert np.array_equal(dataset.train.fetch([6])[0], stored)


def test_class_folders_are_prepared_under_the_name_too(tmp_path: Path) -> None:
    root = make_class_folders(tmp_path, {"train": 2}, size=(32, 32))
    dataset = open_source("cifar100", PrepareSpec(root=str(root)))
    assert dataset.size == 32
    assert list(dataset.splits()) == ["train"]
