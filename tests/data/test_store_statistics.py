from pathlib import Path
from typing import Any

import numpy as np
import pytest
from xxhash import xxh3_128_hexdigest

from alexcli.data.store_images import open_store
from alexcli.data.store_manifest import read_manifest
from alexcli.data.store_statistics import read_statistics
from alexcli.data.store_verify import verify
from alexcli.errors import UsageError
from tests.data.random_data import SIDE, TRAIN
from tests.data.test_store_manifest import change

SOUND: dict[str, Any] = {
    "mean_image": np.full((SIDE, SIDE, 3), 100.0),
    "covariance": np.eye(3) * 50,
    "count": np.array(TRAIN),
}


def replace_statistics(store: Path, arrays: dict[str, Any]) -> None:
    """Put other arrays into a store, with their checksum in the manifest."""
    path = store / "statistics.npz"
    np.savez(path, **arrays)
    change(store, "files", path.name, value=xxh3_128_hexdigest(path.read_bytes()))


def test_statistics_are_read_as_they_were_written(store: Path) -> None:
    statistics = read_statistics(read_manifest(str(store)))
    assert statistics.count == TRAIN
    replace_statistics(store, SOUND)
    assert np.array_equal(open_store(str(store)).statistics.covariance, np.eye(3) * 50)  # type: ignore[union-attr]


@pytest.mark.parametrize("kind", ["f2", ">f4", "g"])
def test_floats_of_any_size_have_components(store: Path, kind: str) -> None:
    arrays = {**SOUND, "covariance": SOUND["covariance"].astype(kind)}
    replace_statistics(store, arrays)
    values, _ = read_statistics(read_manifest(str(store))).components()
    assert values.tolist() == [50.0] * 3


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("mean_image", np.zeros((SIDE, SIDE))),
        ("mean_image", np.zeros((SIDE + 1, SIDE, 3))),
        ("mean_image", np.full((SIDE, SIDE, 3), np.nan)),
        ("mean_image", np.full((SIDE, SIDE, 3), 256.0)),
        ("mean_image", np.full((SIDE, SIDE, 3), -1.0)),
        ("mean_image", np.array([object()])),
        ("covariance", np.full((3, 3), np.inf)),
        ("covariance", np.full((3, 3), 1e9)),
        ("covariance", np.triu(np.full((3, 3), 50.0))),
        ("covariance", np.eye(2)),
        ("covariance", np.eye(3) * -50),
        ("covariance", np.full((3, 3), 50.0) - np.eye(3) * 60),
        ("covariance", np.full((3, 3), np.finfo("g").max)),
        ("count", np.array(0)),
        ("count", np.array([3])),
        ("count", np.array(0.5)),
    ],
)
def test_what_no_images_have_is_refused(store: Path, name: str, array: Any) -> None:
    replace_statistics(store, SOUND | {name: array})
    with pytest.raises(UsageError, match=r"statistics\.npz is damaged"):
        open_store(str(store))
    (problem,) = verify(str(store))
    assert "statistics.npz is damaged" in problem
