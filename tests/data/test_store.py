import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import fsspec
import numpy as np
import pytest
from xxhash import xxh3_128_hexdigest

from alexcli.data.dataset import Dataset
from alexcli.data.pictures import ArrayPictures
from alexcli.data.prepare import write_store
from alexcli.data.sources import open_dataset
from alexcli.data.store import StorePictures, open_store, read_manifest, verify
from alexcli.errors import UsageError
from alexcli.lit.datamodule import epoch_order
from alexcli.results import Silent
from alexcli.schema import DataSpec, Encoding, PrepareSpec, Source

IMAGES = np.random.default_rng(0).integers(0, 256, (700, 8, 8, 3), dtype=np.uint8)
LABELS = np.arange(700) % 5


def make(path: Path, encoding: Encoding = Encoding.raw) -> Path:
    train = ArrayPictures(IMAGES[:640], LABELS[:640])
    val = ArrayPictures(IMAGES[640:], LABELS[640:])
    classes = [f"class{i}" for i in range(5)]
    dataset = Dataset(classes, train, val, None, "none", 8, "as it comes: 8")
    write_store(dataset, path, PrepareSpec(encoding=encoding, processes=1), Silent())
    return path


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return make(tmp_path / "store")


def test_a_sound_store_verifies(store: Path) -> None:
    assert verify(str(store)) == []


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_verify_finds_a_flipped_byte(store: Path) -> None:
    _flip(store / "train-00003.bin")
    assert verify(str(store)) == ["train-00003.bin is not what was written: its checksum differs"]


def test_verify_finds_a_missing_chunk_and_a_short_one(store: Path) -> None:
    (store / "train-00000.bin").unlink()
    path = store / "val-00000.bin"
    path.write_bytes(path.read_bytes()[:-1])
    assert [p.partition(" ")[0] for p in verify(str(store))] == [path.name, "train-00000.bin"][::-1]
    with pytest.raises(UsageError, match=r"train-00000\.bin is missing"):
        open_store(str(store))


def test_verify_finds_a_wrong_count(store: Path) -> None:
    data = json.loads((store / "manifest.json").read_text())
    data["splits"]["train"][0]["count"] += 1
    (store / "manifest.json").write_text(json.dumps(data))
    assert verify(str(store)) == ["train.npz: 640 pictures, not 641"]
    with pytest.raises(UsageError, match="640 pictures, not 641"):
        open_store(str(store))


def test_a_damaged_jpeg_is_named_and_not_decoded_into_noise(tmp_path: Path) -> None:
    store = make(tmp_path / "store", Encoding.jpeg)
    path = store / "val-00000.bin"
    path.write_bytes(b"\0" * path.stat().st_size)
    with pytest.raises(UsageError, match="picture 2 of val cannot be decoded"):
        open_store(str(store)).val.fetch([2])


class Executed:
    """Reading this pickle makes a file."""

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return Path.write_text, (Path("executed"), "yes")  # type: ignore[return-value]


def test_a_store_of_pickles_is_refused_before_a_chunk_is_opened(tmp_path: Path) -> None:
    pickles = tmp_path / "pickles"
    pickles.mkdir()
    (pickles / "chunk-0-0.bin").write_bytes(pickle.dumps(Executed()))
    index = {"chunks": [{"filename": "chunk-0-0.bin"}], "config": {"data_format": ["pickle"]}}
    (pickles / "index.json").write_text(json.dumps(index))
    for source in (Source.store, Source.folder):
        with pytest.raises(UsageError, match=r'in the format \["pickle"\].*none was opened'):
            open_dataset(DataSpec(source, str(pickles)))
    assert not Path("executed").exists()


@pytest.mark.parametrize(
    "change",
    [
        {"encoding": "pickle"},
        {"classes": 7},
        {
            "splits": {
                "train": [{"file": "../../secret.bin", "count": 1, "bytes": 1, "checksum": ""}]
            }
        },
        {"splits": {}},
        {"files": {}},
    ],
    ids=["pickle", "classes", "outside", "no train", "no index"],
)
def test_a_manifest_that_promises_anything_else_is_refused(
    store: Path, change: dict[str, object]
) -> None:
    path = store / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(UsageError, match="damaged"):
        open_store(str(store))


def test_an_index_of_objects_is_not_read(store: Path) -> None:
    rows = np.array([Executed()] * 640, dtype=object)
    columns = ("chunk", "offset", "length", "label", "row")
    np.savez(store / "train.npz", **dict.fromkeys(columns, rows))
    path = store / "manifest.json"
    data = json.loads(path.read_text())
    data["files"]["train.npz"] = xxh3_128_hexdigest((store / "train.npz").read_bytes())
    path.write_text(json.dumps(data))
    with pytest.raises(UsageError, match=r"train.npz is damaged.*allow_pickle"):
        open_store(str(store))
    assert not Path("executed").exists()


@pytest.fixture
def remote(store: Path) -> str:
    """The same store behind a URL that needs no network."""
    files = fsspec.filesystem("memory")
    for path in store.iterdir():
        if path.is_file():
            files.pipe(f"/bucket/{path.name}", path.read_bytes())
    return "memory://bucket"


def test_a_remote_store_gives_the_same_pictures(store: Path, remote: str) -> None:
    near, far = open_store(str(store)), open_store(remote)
    assert near.fingerprint == far.fingerprint
    assert np.array_equal(near.train.fetch(range(640)), far.train.fetch(range(640)))
    assert verify(remote) == []
    dataset = open_dataset(DataSpec(Source.folder, remote))
    assert dataset.fingerprint == near.fingerprint


def test_a_chunk_that_was_altered_on_the_way_is_refused(remote: str, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setenv("ALEXCLI_CACHE", "cache")
    store = open_store(remote)
    fsspec.filesystem("memory").pipe("/bucket/train-00000.bin", bytes(16 * 192))
    with pytest.raises(UsageError, match="not what its manifest promises"):
        store.train.fetch([0])
    assert not [p for p in Path("cache/chunks").iterdir() if p.suffix != ".lock"]


def test_a_url_without_its_driver_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "s3fs", None)
    with pytest.raises(UsageError, match=r"s3:// needs the package s3fs"):
        open_store("s3://bucket/store")


def test_a_remote_order_takes_each_chunk_once_and_mixes_a_window(remote: str) -> None:
    pictures = open_store(remote).train
    order = epoch_order(pictures, seed=1, epoch=2, window=4)
    assert sorted(order) == list(range(640))
    assert order == epoch_order(pictures, seed=1, epoch=2, window=4)
    assert order != epoch_order(pictures, seed=1, epoch=3, window=4)
    chunk = open_store(remote).train.index["chunk"]  # type: ignore[attr-defined]
    windows = [set(chunk[order[start : start + 64]].tolist()) for start in range(0, 640, 64)]
    assert all(len(window) == 4 for window in windows)
    assert len(set.union(*windows)) == 40
    assert len(set(chunk[order[:16]].tolist())) > 1


def test_a_local_order_is_a_full_shuffle(store: Path) -> None:
    pictures = open_store(str(store)).train
    order = epoch_order(pictures, seed=1, epoch=1, window=4)
    assert sorted(order) == list(range(640))
    assert len(set(pictures.index["chunk"][order[:64]].tolist())) > 20  # type: ignore[attr-defined]


MEASURE = """
import resource, sys, time
from alexcli.data.store import open_store

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize()

before, began = resident(), time.perf_counter()
store = open_store(sys.argv[1])
seconds = time.perf_counter() - began
store.train.fetch(range(0, 100_000, 500))
print(len(store.train), seconds, resident() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_jpeg_store_of_100_000_opens_within_a_second_and_200_mb(tmp_path: Path) -> None:
    store = make(tmp_path / "store", Encoding.jpeg)
    data = json.loads((store / "manifest.json").read_text())
    repeats = 100_000 // 640 + 1
    chunks = data["splits"]["train"] * repeats
    whole = dict(np.load(store / "train.npz"))
    columns = {name: np.tile(column, repeats)[:100_000] for name, column in whole.items()}
    columns["chunk"] += np.repeat(np.arange(repeats), 640)[:100_000] * 40
    counts = np.bincount(columns["chunk"], minlength=len(chunks))
    data["splits"]["train"] = [
        chunk | {"count": int(count)} for chunk, count in zip(chunks, counts, strict=True)
    ]
    np.savez(store / "train.npz", **columns)
    data["files"]["train.npz"] = xxh3_128_hexdigest((store / "train.npz").read_bytes())
    (store / "manifest.json").write_text(json.dumps(data))
    command = [sys.executable, "-c", MEASURE, str(store)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    count, seconds, memory = done.stdout.split()
    assert int(count) == 100_000
    assert float(seconds) < 1
    assert int(memory) < 200e6


def test_reading_goes_on_in_a_process_that_was_forked(store: Path) -> None:
    pictures = StorePictures(read_manifest(str(store)), "train")
    first = pictures.fetch(range(640))  # descriptors are open now
    if (child := os.fork()) == 0:
        os._exit(int(not np.array_equal(pictures.fetch(range(640)), first)))
    assert np.array_equal(pictures.fetch(range(640)), first)
    assert os.waitpid(child, 0)[1] == 0
