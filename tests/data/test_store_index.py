import json
from pathlib import Path

import numpy as np
import pytest
from xxhash import xxh3_128_hexdigest

from alexcli.data.store import Chunk
from alexcli.data.store_index import COLUMNS, StoreIndex, index_problem, read_index
from alexcli.data.store_manifest import read_manifest
from alexcli.errors import UsageError
from tests.data.test_store import WritesFileWhenUnpickled

CHUNKS = [Chunk("train-00000.bin", 2, 20, ""), Chunk("train-00001.bin", 1, 10, "")]


def sound_index() -> StoreIndex:
    """Two images of 10 bytes in the first of CHUNKS, and one in the second."""
    return {
        "chunk": np.array([0, 0, 1]),
        "offset": np.array([0, 10, 0]),
        "length": np.array([10, 10, 10]),
        "label": np.array([0, 1, 0]),
        "row": np.array([2, 0, 1]),
    }


def test_an_index_has_a_row_of_whole_numbers_for_each_image(store: Path) -> None:
    index = read_index(read_manifest(str(store)), "train")
    assert tuple(index) == COLUMNS
    assert all(column.shape == (640,) and column.dtype == np.int64 for column in index.values())
    assert sorted(index["row"]) == list(range(640))


def test_an_index_of_objects_is_not_read(store: Path) -> None:
    rows = np.array([WritesFileWhenUnpickled()] * 640, dtype=object)
    np.savez(store / "train.npz", **dict.fromkeys(COLUMNS, rows))
    path = store / "manifest.json"
    content = json.loads(path.read_text())
    content["files"]["train.npz"] = xxh3_128_hexdigest((store / "train.npz").read_bytes())
    path.write_text(json.dumps(content))
    with pytest.raises(UsageError, match=r"train.npz is damaged: an array of object"):
        read_index(read_manifest(str(store)), "train")
    assert not Path("executed").exists()


def test_a_sound_index_has_no_problem() -> None:
    assert index_problem(sound_index(), CHUNKS, classes=2) is None


@pytest.mark.parametrize(
    ("column", "values", "problem"),
    [
        ("label", [0, 1], "its columns differ in length"),
        ("chunk", [0, 0, 2], "an image's chunk is not one of the 2 chunks"),
        ("chunk", [0, 1, 1], "a chunk holds another number of images than the manifest says"),
        ("label", [0, 1, 2], "a label is outside the 2 classes"),
        ("label", [0, 1, -1], "a label is outside the 2 classes"),
        ("offset", [0, 11, 0], "an image lies outside its chunk"),
        ("offset", [0, -1, 0], "an image lies outside its chunk"),
        ("offset", [0, 2**63 - 1, 0], "an image lies outside its chunk"),
        ("length", [10, -1, 10], "an image lies outside its chunk"),
        ("length", [10, 2**63 - 1, 10], "an image lies outside its chunk"),
    ],
)
def test_an_index_that_contradicts_the_manifest_is_described(
    column: str, values: list[int], problem: str
) -> None:
    index = sound_index()
    index[column] = np.array(values)
    assert index_problem(index, CHUNKS, classes=2) == problem
