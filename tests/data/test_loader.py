import contextlib
import multiprocessing
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import Tensor

from alexcli.data.arrays import ImageArray
from alexcli.data.images import ArrayImages
from alexcli.data.loader import (
    BatchDataset,
    BatchIndices,
    BatchSampler,
    Loader,
    epoch_order,
    ordered_loader,
    prefetch_to_device,
    training_loader,
)
from alexcli.data.store_images import StoreImages, open_store
from alexcli.data.store_manifest import read_manifest
from alexcli.data.transforms import Batch
from alexcli.errors import UsageError
from tests.data.random_data import IMAGES, LABELS

CPU = torch.device("cpu")
TEN = ArrayImages(IMAGES[:10], LABELS[:10])


def whole_batch(rows: int) -> tuple[int, int]:
    return 0, rows


def second_half(rows: int) -> tuple[int, int]:
    return rows // 2, rows


def training(step: int, *, seed: int = 0, workers: int = 0) -> Loader:
    """Batches of four of ten images."""
    return training_loader(
        TEN,
        batch_size=4,
        seed=seed,
        window=16,
        share=whole_batch,
        step=lambda: step,
        workers=workers,
        device=CPU,
    )


def test_an_ordered_loader_yields_each_image_once_in_order() -> None:
    batches = list(ordered_loader(TEN, batch_size=4, share=whole_batch, workers=0, device=CPU))
    assert [batch.indices.tolist() for batch in batches] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    for batch in batches:
        assert torch.equal(batch.positions, batch.indices)
        assert np.array_equal(batch.images, IMAGES[batch.indices])
        assert np.array_equal(batch.labels, LABELS[batch.indices])


def test_a_loader_yields_its_share_of_each_batch() -> None:
    batches = ordered_loader(TEN, batch_size=4, share=second_half, workers=0, device=CPU)
    assert [batch.indices.tolist() for batch in batches] == [[2, 3], [6, 7], [9]]


def test_a_training_loader_starts_at_the_batch_of_its_step() -> None:
    epoch = [batch.indices for batch in training(step=0)]
    assert sorted(torch.cat(epoch).tolist()) == list(range(10))
    resumed = [batch.indices for batch in training(step=2)]
    assert [indices.tolist() for indices in resumed] == [epoch[2].tolist()]
    positions = [batch.positions.tolist() for batch in training(step=1)]
    assert positions == [[4, 5, 6, 7], [8, 9]]


def test_the_order_changes_with_the_epoch_and_the_seed() -> None:
    first_epoch = torch.cat([batch.indices for batch in training(step=0)])
    second_epoch = torch.cat([batch.indices for batch in training(step=3)])
    other_seed = torch.cat([batch.indices for batch in training(step=0, seed=1)])
    assert not torch.equal(first_epoch, second_epoch)
    assert not torch.equal(first_epoch, other_seed)


def test_loader_processes_yield_the_same_batches() -> None:
    for expected, batch in zip(training(step=0), training(step=0, workers=1), strict=True):
        assert all(map(torch.equal, expected, batch))


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere any SIGTERM ends a worker")
def test_a_loader_process_survives_a_signal_that_is_sent_to_the_whole_job() -> None:
    others = set(multiprocessing.active_children())
    batches = iter(training(step=0, workers=1))
    next(batches)
    (worker,) = set(multiprocessing.active_children()) - others
    send = "import os, signal, sys; os.kill(int(sys.argv[1]), signal.SIGTERM)"
    subprocess.run([sys.executable, "-c", send, str(worker.pid)], check=True)
    worker.join(0.3)
    assert worker.is_alive()
    assert len(list(batches)) == 2


def test_an_empty_share_is_a_batch_without_images() -> None:
    batch = BatchDataset(TEN)[BatchIndices(start=9, indices=[])]
    assert isinstance(batch, Batch)
    assert batch.images.shape == (0, 8, 8, 3)
    assert len(batch.labels) == len(batch.indices) == len(batch.positions) == 0


def test_a_sampler_counts_a_smaller_last_batch() -> None:
    sampler = BatchSampler(10, 4, lambda _: list(range(10)), whole_batch, lambda: 0)
    assert len(sampler) == len(list(sampler)) == 3


class DamagedImages(ArrayImages):
    """Images of which the last one cannot be decoded."""

    def fetch(self, indices: "list[int] | range") -> ImageArray:  # type: ignore[override]
        """Fail as a damaged file does."""
        if len(self) - 1 in indices:
            raise UsageError("the last image cannot be decoded")
        return super().fetch(indices)


@pytest.mark.parametrize("workers", [0, 1])
def test_an_image_that_cannot_be_decoded_raises_its_own_error(workers: int) -> None:
    images = DamagedImages(IMAGES[:10], LABELS[:10])
    loader = ordered_loader(images, batch_size=4, share=whole_batch, workers=workers, device=CPU)
    batches = iter(loader)
    next(batches)
    next(batches)
    with pytest.raises(UsageError, match=r"^the last image cannot be decoded$"):
        next(batches)


def test_a_remote_order_takes_each_chunk_once_and_mixes_a_window(remote_store: str) -> None:
    images = StoreImages(read_manifest(remote_store), "train")
    order = epoch_order(images, seed=1, epoch=2, window=4)
    assert sorted(order) == list(range(640))
    assert order == epoch_order(images, seed=1, epoch=2, window=4)
    assert order != epoch_order(images, seed=1, epoch=3, window=4)
    chunks = images.index["chunk"][order]
    windows = [set(chunks[start : start + 64].tolist()) for start in range(0, 640, 64)]
    assert all(len(window) == 4 for window in windows)
    assert len(set.union(*windows)) == 40
    assert len(set(chunks[:16].tolist())) > 1


def test_a_local_order_is_a_full_shuffle(store: object) -> None:
    images = open_store(str(store)).train
    assert isinstance(images, StoreImages)
    order = epoch_order(images, seed=1, epoch=1, window=4)
    assert sorted(order) == list(range(640))
    assert len(set(images.index["chunk"][order[:64]].tolist())) > 20


class RecordingStream:
    """A CUDA stream that writes down what it is asked for."""

    def __init__(self, log: list[str], name: str) -> None:
        self.log = log
        self.name = name
        self.copies = 0

    def record_event(self) -> str:
        self.copies += 1
        return f"copy {self.copies}"

    def wait_event(self, event: str) -> None:
        self.log.append(f"{self.name} waits for {event}")


def test_the_next_batch_is_copied_while_the_step_works(monkeypatch: pytest.MonkeyPatch) -> None:
    log: list[str] = []
    step_stream = RecordingStream(log, "step")
    copy_stream = RecordingStream(log, "copy")
    monkeypatch.setattr(torch.cuda, "Stream", lambda _: copy_stream)
    monkeypatch.setattr(torch.cuda, "stream", lambda _: contextlib.nullcontext())
    monkeypatch.setattr(torch.cuda, "current_stream", lambda _: step_stream)
    users: list[object] = []
    monkeypatch.setattr(Tensor, "record_stream", lambda _, stream: users.append(stream))
    batches = [Batch(*(torch.full((2,), number) for _ in range(4))) for number in range(3)]
    error = UsageError("an image that cannot be decoded")
    for number, item in enumerate(prefetch_to_device([*batches, error], CPU)):
        log.append(f"step works on {number}")
        if number == 3:
            assert item is error
        else:
            assert torch.equal(item.labels, batches[number].labels)
        assert copy_stream.copies == min(number + 2, 4)  # the next one is on its way
    assert log == [
        line
        for number in range(4)
        for line in (f"step waits for copy {number + 1}", f"step works on {number}")
    ]
    assert users == [step_stream] * 12  # so that no memory is reused under the step
