import json
import os
import subprocess
import sys
from pathlib import Path

import fsspec
import numpy as np
import pytest
from xxhash import xxh3_128_hexdigest

from alexcli.data.open import open_dataset
from alexcli.data.store_images import StoreImages, open_store
from alexcli.data.store_manifest import read_manifest
from alexcli.data.store_verify import verify
from alexcli.errors import UsageError
from alexcli.schema import DataSpec, Encoding, Source
from tests.data.random_data import IMAGES, LABELS, make_array_store


def test_a_store_gives_the_pixels_labels_and_names_that_it_was_made_from(store: Path) -> None:
    images = open_store(str(store)).train
    rows = [int(name) for name in images.names()]
    assert sorted(rows) == list(range(640))
    assert np.array_equal(images.fetch(range(640)), IMAGES[rows])
    assert np.array_equal(images.labels, LABELS[rows])


def test_a_subset_gives_its_images_in_its_order(store: Path) -> None:
    images = open_store(str(store)).train
    rows = np.array([7, 3, 600])
    subset = images.subset(rows)
    assert len(subset) == 3
    assert np.array_equal(subset.fetch([0, 1, 2]), images.fetch([7, 3, 600]))
    assert np.array_equal(subset.labels, images.labels[rows])
    assert subset.names() == [images.names()[row] for row in rows]


def test_a_store_with_a_missing_chunk_is_not_opened(store: Path) -> None:
    (store / "train-00000.bin").unlink()
    with pytest.raises(UsageError, match=r"train-00000\.bin is missing"):
        open_store(str(store))


def test_a_chunk_that_ends_early_is_named(store: Path) -> None:
    images = open_store(str(store), check_chunks=False).train
    os.truncate(store / "train-00000.bin", 100)
    with pytest.raises(UsageError, match=r"train-00000\.bin ends before image 0"):
        images.fetch([0])


def test_a_store_with_a_wrong_count_is_not_opened(store: Path) -> None:
    path = store / "manifest.json"
    content = json.loads(path.read_text())
    content["splits"]["train"][0]["count"] += 1
    path.write_text(json.dumps(content))
    with pytest.raises(UsageError, match="3,072 bytes for 17 images of 8 px"):
        open_store(str(store))


def test_a_damaged_jpeg_is_named_and_not_decoded_into_noise(tmp_path: Path) -> None:
    store = make_array_store(tmp_path / "store", Encoding.jpeg)
    path = store / "val-00000.bin"
    path.write_bytes(b"\0" * path.stat().st_size)
    with pytest.raises(UsageError, match="image 2 of val cannot be decoded"):
        open_store(str(store), check_chunks=False).val.fetch([2])


def test_a_remote_store_gives_the_same_images(store: Path, remote_store: str) -> None:
    local = open_store(str(store))
    remote = open_store(remote_store)
    assert local.fingerprint == remote.fingerprint
    assert np.array_equal(local.train.fetch(range(640)), remote.train.fetch(range(640)))
    assert verify(remote_store) == []
    dataset = open_dataset(DataSpec(Source.folder, remote_store))
    assert dataset.fingerprint == local.fingerprint


def test_only_a_remote_store_has_groups_which_are_its_chunks(
    store: Path, remote_store: str
) -> None:
    assert open_store(str(store)).train.groups() is None
    images = StoreImages(read_manifest(remote_store), "train")
    groups = images.groups()
    assert groups is not None
    assert [set(images.index["chunk"][group].tolist()) for group in groups] == [
        {number} for number in range(40)
    ]


def test_a_chunk_that_was_altered_on_the_way_is_refused(
    remote_store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALEXCLI_CACHE", "cache")
    dataset = open_store(remote_store)
    fsspec.filesystem("memory").pipe("/bucket/train-00000.bin", bytes(16 * 192))
    with pytest.raises(UsageError, match="does not match its manifest"):
        dataset.train.fetch([0])
    assert not [path for path in Path("cache/chunks").iterdir() if path.suffix != ".lock"]


def test_a_listing_that_is_too_short_or_no_listing_is_damaged(store: Path) -> None:
    path = store / "source.jsonl"
    lines = path.read_text().splitlines()
    for text, message in (
        ("\n".join(lines[:7]), "names 7 images of train, but the index expects more"),
        ("7\n", "line 1, names no image"),
        ("[" * 100_000, "line 1, names no image"),
    ):
        path.write_text(text)
        manifest = json.loads((store / "manifest.json").read_text())
        manifest["files"]["source.jsonl"] = xxh3_128_hexdigest(path.read_bytes())
        (store / "manifest.json").write_text(json.dumps(manifest))
        with pytest.raises(UsageError, match=message):
            open_store(str(store)).train.names()


MEASURE = """
import resource, sys, time
from alexcli.data.store_images import open_store

def resident_bytes():
    return int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize()

before, began = resident_bytes(), time.perf_counter()
store = open_store(sys.argv[1])
seconds = time.perf_counter() - began
store.train.fetch(range(0, 100_000, 500))
print(len(store.train), seconds, resident_bytes() - before)
"""


def repeat_training_set(store: Path, count: int) -> None:
    """Let the index of a store name its 640 training images again and again."""
    manifest = json.loads((store / "manifest.json").read_text())
    repeats = count // 640 + 1
    chunks = manifest["splits"]["train"] * repeats
    index = {
        name: np.tile(column, repeats)[:count]
        for name, column in np.load(store / "train.npz").items()
    }
    index["chunk"] += np.repeat(np.arange(repeats), 640)[:count] * 40
    counts = np.bincount(index["chunk"], minlength=len(chunks))
    manifest["splits"]["train"] = [
        chunk | {"count": int(images)} for chunk, images in zip(chunks, counts, strict=True)
    ]
    np.savez(store / "train.npz", **index)
    manifest["files"]["train.npz"] = xxh3_128_hexdigest((store / "train.npz").read_bytes())
    (store / "manifest.json").write_text(json.dumps(manifest))


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_jpeg_store_of_100_000_opens_within_a_second_and_200_mb(tmp_path: Path) -> None:
    store = make_array_store(tmp_path / "store", Encoding.jpeg)
    repeat_training_set(store, 100_000)
    command = [sys.executable, "-c", MEASURE, str(store)]
    process = subprocess.run(command, capture_output=True, text=True, check=True)
    count, seconds, memory = process.stdout.split()
    assert int(count) == 100_000
    assert float(seconds) < 1
    assert int(memory) < 200e6


def test_a_forked_process_reads_beside_its_parent(store: Path) -> None:
    images = StoreImages(read_manifest(str(store)), "train")
    expected = images.fetch(range(640))  # the chunks are open now
    child = os.fork()
    if child == 0:
        os._exit(int(not np.array_equal(images.fetch(range(640)), expected)))
    assert np.array_equal(images.fetch(range(640)), expected)
    assert os.waitpid(child, 0)[1] == 0


@pytest.mark.parametrize("check_chunks", [True, False])
@pytest.mark.parametrize("encoding", list(Encoding))
def test_a_chunk_that_is_removed_after_the_store_was_opened_is_named(
    tmp_path: Path, encoding: Encoding, check_chunks: bool
) -> None:
    store = make_array_store(tmp_path / "store", encoding)
    images = open_store(str(store), check_chunks=check_chunks).train
    (store / "train-00000.bin").unlink()
    with pytest.raises(
        UsageError, match=r"train-00000\.bin cannot be read: No such file"
    ) as caught:
        images.fetch([0])
    assert "alexcli data verify" in (caught.value.hint or "")
