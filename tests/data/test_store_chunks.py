import os
import pickle
from pathlib import Path

import fsspec
import numpy as np
import pytest

from alexcli.data import store_chunks
from alexcli.data.open import open_dataset
from alexcli.data.store_chunks import LocalChunks
from alexcli.data.store_images import open_store
from alexcli.data.store_manifest import read_manifest
from alexcli.errors import UsageError
from alexcli.schema import DataSpec, Source


def flip(path: Path) -> None:
    """Flip a bit of the first byte."""
    content = bytearray(path.read_bytes())
    content[0] ^= 1
    path.write_bytes(content)


def test_a_flipped_bit_in_a_chunk_is_found_when_it_is_first_read(store: Path) -> None:
    flip(store / "train-00000.bin")
    images = open_store(str(store)).train
    images.fetch([16])  # of the second chunk
    with pytest.raises(UsageError, match=r"train-00000\.bin is damaged: its checksum"):
        images.fetch([0])


def test_the_check_can_be_turned_off(store: Path) -> None:
    before = open_store(str(store)).train.fetch([0])
    flip(store / "train-00000.bin")
    spec = DataSpec(Source.store, str(store), check_chunks=False)
    after = open_dataset(spec).train.fetch([0])
    assert int((before != after).sum()) == 1


def test_a_chunk_is_checked_once_also_by_forked_processes(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths: list[Path] = []
    checksum = store_chunks.file_checksum

    def count(path: Path) -> str:
        paths.append(path)
        return checksum(path)

    monkeypatch.setattr(store_chunks, "file_checksum", count)
    images = open_store(str(store)).train
    child = os.fork()
    if child == 0:
        images.fetch(range(32))
        os._exit(len(paths))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 2
    images.fetch(range(48))
    images.fetch(range(48))
    images.subset(np.arange(48)).fetch([0, 47])
    assert [path.name for path in paths] == ["train-00002.bin"]


def test_another_process_that_gets_the_chunks_checks_anew(store: Path) -> None:
    chunks = read_manifest(str(store)).splits["train"]
    local_chunks = LocalChunks(str(store), chunks, check=True)
    local_chunks.path(0)
    copied = pickle.loads(pickle.dumps(local_chunks))
    flip(store / "train-00001.bin")
    with pytest.raises(UsageError, match=r"train-00001\.bin is damaged"):
        copied.path(1)


def test_a_damaged_copy_of_a_remote_chunk_is_fetched_again(
    remote_store: str, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALEXCLI_CACHE", "cache")
    expected = open_store(str(store)).train.fetch([0])
    assert np.array_equal(open_store(remote_store).train.fetch([0]), expected)
    (copy,) = (path for path in Path("cache/chunks").iterdir() if path.suffix != ".lock")
    flip(copy)
    assert np.array_equal(open_store(remote_store).train.fetch([0]), expected)
    assert fsspec.filesystem("memory").exists("/bucket/train-00000.bin")
