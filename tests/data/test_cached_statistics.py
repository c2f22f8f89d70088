from pathlib import Path

import numpy as np
import pytest

from alexcli.data.cached_statistics import training_statistics
from alexcli.data.open import open_dataset
from alexcli.data.statistics import Statistics
from alexcli.errors import UsageError
from alexcli.schema import DataSpec, Source
from tests.data.class_folders import make_class_folders


def _spec(root: Path) -> DataSpec:
    return DataSpec(source=Source.folder, root=str(root), size=8)


def test_statistics_are_computed_once_and_then_read_from_the_cache(tmp_path: Path) -> None:
    root = make_class_folders(tmp_path, {"train": 4, "val": 2})
    calls: list[tuple[int, int]] = []
    dataset = open_dataset(_spec(root))
    first = training_statistics(dataset, lambda *call: calls.append(call))
    assert calls == [(12, 12), (6, 6)]  # the training set, then the validation set
    again = training_statistics(dataset, lambda *call: calls.append(call))
    assert len(calls) == 2
    assert np.array_equal(first.mean_image, again.mean_image)
    assert first.count == again.count == 12


def test_statistics_that_came_with_the_data_are_taken(tmp_path: Path) -> None:
    dataset = open_dataset(_spec(make_class_folders(tmp_path, {"train": 1, "val": 1})))
    dataset.statistics = Statistics(np.ones((8, 8, 3)), np.eye(3), 99)
    assert training_statistics(dataset) is dataset.statistics


def test_an_undecodable_file_stops_the_first_pass_naming_it(tmp_path: Path) -> None:
    root = make_class_folders(tmp_path, {"train": 3, "val": 1})
    (root / "train/b/1.png").write_bytes(b"not an image")
    with pytest.raises(UsageError, match=r"train/b/1\.png cannot be decoded: not an image"):
        training_statistics(open_dataset(_spec(root)))


def test_a_broken_validation_image_is_found_in_the_first_pass(tmp_path: Path) -> None:
    root = make_class_folders(tmp_path, {"train": 3, "val": 1})
    (root / "val/c/0.png").write_bytes(b"not an image")
    with pytest.raises(UsageError, match=r"val/c/0\.png cannot be decoded"):
        training_statistics(open_dataset(_spec(root)))
