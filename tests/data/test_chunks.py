import os
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import pytest

from alexcli.data import chunks, store_writer
from alexcli.data.chunks import ChunkTask, make_chunk
from alexcli.data.open import open_source
from alexcli.data.statistics import RunningStatistics, compute_statistics
from alexcli.data.store_images import open_store
from alexcli.data.store_verify import verify
from alexcli.data.store_writer import write_store
from alexcli.errors import RunFailedError
from alexcli.reporter import NullReporter
from alexcli.schema import Encoding, PrepareSpec
from tests.data.random_data import IMAGES, array_dataset

SPEC = PrepareSpec(size=24, processes=2)


def make(source: Path, dest: Path, spec: PrepareSpec = SPEC) -> bool:
    return write_store(open_source(str(source), spec), dest, spec, NullReporter())


def assert_same_store(expected_path: Path, path: Path) -> None:
    expected = open_store(str(expected_path))
    store = open_store(str(path))
    assert expected.statistics is not None
    assert store.statistics is not None
    assert np.array_equal(expected.statistics.mean_image, store.statistics.mean_image)
    assert expected.fingerprint == store.fingerprint
    assert verify(str(path)) == []


def interrupt(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def test_a_chunk_holds_its_images_one_after_another(tmp_path: Path) -> None:
    rows = [5, 3, 8]
    images = array_dataset().train.subset(np.array(rows))
    task = ChunkTask(tmp_path / "train-00000.bin", images, rows, PrepareSpec(size=8))  # type: ignore[arg-type]
    record, sums = make_chunk(task)
    assert task.file.read_bytes() == IMAGES[rows].tobytes()
    assert (record.split, record.rows, record.lengths) == ("train", rows, [192] * 3)
    assert np.array_equal(sums.total, RunningStatistics.from_images(IMAGES[rows]).total)


def test_images_of_other_splits_do_not_enter_the_statistics(tmp_path: Path) -> None:
    images = array_dataset().val
    task = ChunkTask(tmp_path / "val-00000.bin", images, list(range(60)), PrepareSpec(size=8))  # type: ignore[arg-type]
    assert make_chunk(task)[1].count == 0


@pytest.mark.parametrize("encoding", list(Encoding))
def test_statistics_are_those_of_the_stored_pixels(
    noise_folders: Path, tmp_path: Path, encoding: Encoding, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chunks, "STATISTICS_BATCH", 7)  # of a chunk's 16 images
    make(noise_folders, tmp_path / "store", PrepareSpec(size=24, encoding=encoding, processes=2))
    dataset = open_store(str(tmp_path / "store"))
    stored = dataset.statistics
    expected = compute_statistics(dataset.train)
    assert stored is not None
    assert np.array_equal(stored.mean_image, expected.mean_image)
    assert np.array_equal(stored.covariance, expected.covariance)
    pixels = dataset.train.fetch(range(40)).reshape(-1, 3).astype(np.float64)
    assert np.allclose(stored.covariance, np.cov(pixels.T, bias=True), rtol=1e-9)


def test_jpeg_is_smaller_and_close(noise_folders: Path, tmp_path: Path) -> None:
    make(noise_folders, tmp_path / "raw")
    make(
        noise_folders, tmp_path / "jpeg", PrepareSpec(size=24, encoding=Encoding.jpeg, quality=100)
    )
    raw, jpeg = (open_store(str(tmp_path / name)).train for name in ("raw", "jpeg"))
    assert raw.names() == jpeg.names()
    difference = raw.fetch(range(40)).astype(int) - jpeg.fetch(range(40)).astype(int)
    assert 0 < np.abs(difference).mean() < 60  # noise, whose colour JPEG halves in resolution


def test_chunks_are_mixtures_of_classes(noise_folders: Path, tmp_path: Path) -> None:
    """A window of a few chunks, in which a remote store is shuffled, is then a mixture too."""
    make(noise_folders, tmp_path / "store")
    labels = open_store(str(tmp_path / "store")).train.labels
    assert len(set(labels[:16].tolist())) == 2


def test_a_chunk_damaged_between_two_attempts_is_made_again(
    noise_folders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(noise_folders, tmp_path / "whole")
    dest = tmp_path / "store"
    with monkeypatch.context() as patch:
        patch.setattr(store_writer, "finish_store", interrupt)
        with pytest.raises(KeyboardInterrupt):
            make(noise_folders, dest)
    for name, change in (("train-00000.bin", 1), ("val-00000.bin", 255)):
        content = bytearray((dest / name).read_bytes())
        content[100] ^= change
        (dest / name).write_bytes(content)
    (dest / "train-00001.bin").unlink()
    assert make(noise_folders, dest)
    assert_same_store(tmp_path / "whole", dest)


def test_a_disk_that_gives_back_other_bytes_is_noticed(
    noise_folders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "read_bytes", lambda _: b"other")  # processes are forked
    with pytest.raises(RunFailedError, match="a failing disk"):
        make(noise_folders, tmp_path / "store")


def test_a_full_disk_leaves_what_is_finished(
    noise_folders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    atomic_path = chunks.atomic_path

    def full_disk(path: Path) -> AbstractContextManager[Path]:
        if path.name == "train-00001.bin":
            raise OSError(28, os.strerror(28), str(path))
        return atomic_path(path)

    monkeypatch.setattr(chunks, "atomic_path", full_disk)  # processes are forked with it
    with pytest.raises(RunFailedError, match="No space left") as caught:
        make(noise_folders, tmp_path / "store")
    assert "resumes" in (caught.value.hint or "")
    monkeypatch.undo()
    assert (tmp_path / "store" / "train-00000.bin").exists()
    assert make(noise_folders, tmp_path / "store")
    assert verify(str(tmp_path / "store")) == []


def test_an_interrupted_preparation_resumes_and_redoes_nothing(
    noise_folders: Path, tmp_path: Path
) -> None:
    make(noise_folders, tmp_path / "whole")

    class InterruptingReporter(NullReporter):
        def progress(self, *_: object) -> None:
            raise KeyboardInterrupt

    dest = tmp_path / "store"
    with pytest.raises(KeyboardInterrupt):
        write_store(open_source(str(noise_folders), SPEC), dest, SPEC, InterruptingReporter())
    times = {path: path.stat().st_mtime_ns for path in dest.glob("*.bin")}
    assert times
    assert make(noise_folders, dest)
    assert all(path.stat().st_mtime_ns == time for path, time in times.items())
    assert_same_store(tmp_path / "whole", dest)


def test_chunks_of_images_of_one_pixel_are_not_too_large() -> None:
    spec = PrepareSpec(size=1, encoding=Encoding.jpeg)
    sizes = [len(rows) for rows in chunks._split_into_chunks("val", 100_000, spec)]
    assert max(sizes) == 1024
    assert sum(sizes) == 100_000
