"""Loaders whose order and position are a pure function of (seed, step)."""

import math
import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from alexcli import rng
from alexcli.data.images import ImageSource
from alexcli.data.transforms import Batch
from alexcli.errors import AlexcliError
from alexcli.parent_watch import leave_sigterm_to, on_parent_exit

Share = Callable[[int], tuple[int, int]]
"""Maps the number of rows of a global batch to the first row and the end of this replica's share.
"""


class BatchIndices(NamedTuple):
    """The images of a batch."""

    start: int
    """Position of the first image in the order of the epoch."""
    indices: list[int]
    """Positions in their split."""


class BatchDataset(Dataset[Any]):
    """Whole batches by index: images are fetched together, not one by one.

    Args:
        images: a split.
    """

    def __init__(self, images: ImageSource) -> None:
        self.images = images

    def __getitem__(self, batch: BatchIndices) -> "Batch | AlexcliError":
        """The batch, or the error that fetching it raised.

        An error is returned as a value: a loader process would wrap it in a traceback.
        """
        count = len(batch.indices)
        # A replica's share of a small last batch may be empty; its tensors still need their shape.
        indices = batch.indices or [0]
        try:
            pixels = self.images.fetch(indices)
        except AlexcliError as error:
            return error
        rows = np.asarray(indices)
        positions = batch.start + np.arange(len(rows))
        return Batch(
            images=torch.from_numpy(pixels[:count]),
            labels=torch.from_numpy(self.images.labels[rows][:count]),
            indices=torch.from_numpy(rows[:count]),
            positions=torch.from_numpy(positions[:count]),
        )


@dataclass(eq=False)
class BatchSampler(Sampler[BatchIndices]):
    """This replica's share of each batch of an epoch, starting at the batch of the current step."""

    count: int
    """Images in the split."""
    batch_size: int
    """Images per global batch; the last one of an epoch may be smaller."""
    order: Callable[[int], list[int]]
    """Returns the order of an epoch, counted from 1."""
    share: Share
    """This replica's share of a batch."""
    step: Callable[[], int]
    """Returns the number of updates made; called when an epoch begins."""

    def __len__(self) -> int:
        return math.ceil(self.count / self.batch_size)

    def __iter__(self) -> Iterator[BatchIndices]:
        epochs, batches = divmod(self.step(), len(self))
        order = self.order(epochs + 1)
        for start in range(batches * self.batch_size, self.count, self.batch_size):
            indices = order[start : start + self.batch_size]
            first, end = self.share(len(indices))
            yield BatchIndices(start + first, indices[first:end])


class Loader(DataLoader[Any]):
    """A loader that Lightning may treat as resumable: its sampler knows the step."""

    device = torch.device("cpu")
    """Device of the batches; each is copied to a GPU during the step on the one before."""

    def __iter__(self) -> Any:
        """Yield batches on `device`.

        An error from fetching a batch is raised here, where no traceback is wrapped around it.
        """
        batches: Iterable[Any] = super().__iter__()
        if self.device.type == "cuda":
            batches = prefetch_to_device(batches, self.device)
        for batch in batches:
            if isinstance(batch, AlexcliError):
                raise batch
            yield batch

    def state_dict(self) -> dict[str, Any]:
        """Nothing: the position follows from the step."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Nothing to restore."""


def training_loader(
    images: ImageSource,
    *,
    batch_size: int,
    seed: int,
    window: int,
    share: Share,
    step: Callable[[], int],
    workers: int,
    device: torch.device,
) -> Loader:
    """A loader of shuffled batches, in a new order in each epoch.

    Args:
        images: the training set.
        batch_size: images per global batch.
        seed: the run's seed.
        window: see `epoch_order`.
        share: this replica's share of a batch.
        step: returns the number of updates made, which determines the epoch and the position.
        workers: loader processes; 0 decodes in this one.
        device: where the batches go.
    """
    order = partial(epoch_order, images, seed=seed, window=window)
    sampler = BatchSampler(len(images), batch_size, order, share, step)
    return make_loader(images, sampler, workers=workers, device=device)


def ordered_loader(
    images: ImageSource, *, batch_size: int, share: Share, workers: int, device: torch.device
) -> Loader:
    """A loader of all images of a split once, in order.

    Args:
        images: the split.
        batch_size: images per global batch.
        share: this replica's share of a batch.
        workers: loader processes; 0 decodes in this one.
        device: where the batches go.
    """
    order = list(range(len(images)))
    sampler = BatchSampler(len(images), batch_size, lambda _: order, share, lambda: 0)
    return make_loader(images, sampler, workers=workers, device=device)


def make_loader(
    images: ImageSource, sampler: BatchSampler, *, workers: int, device: torch.device
) -> Loader:
    """A loader of the batches that a sampler yields.

    Args:
        images: the split.
        sampler: which images make up which batch.
        workers: loader processes; 0 decodes in this one.
        device: where the batches go.
    """
    loader = Loader(
        BatchDataset(images),
        sampler=sampler,
        batch_size=None,  # each item is a batch
        num_workers=workers,
        persistent_workers=workers > 0,
        worker_init_fn=partial(_begin_worker, parent=os.getpid()),
        # Workers only decode; spawned workers would import torch again for each loader.
        multiprocessing_context="fork" if workers and sys.platform == "linux" else None,
        pin_memory=torch.cuda.is_available(),
    )
    loader.device = device
    return loader


def _begin_worker(worker: int, *, parent: int) -> None:  # noqa: ARG001
    """Leave signals to the whole process group to the main process, and end with it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    leave_sigterm_to(parent)
    on_parent_exit(partial(os._exit, 1), parent)


def epoch_order(images: ImageSource, epoch: int, *, seed: int, window: int) -> list[int]:
    """The order of an epoch: every image once.

    Local images (in memory, on this machine's disk) are shuffled as a whole. Images that come in
    chunks from a remote store are shuffled within windows of a few chunks, and the chunks
    themselves are shuffled, so that a chunk is fetched once per epoch and only one window's chunks
    are needed at a time.

    Args:
        images: the training set.
        epoch: counted from 1.
        seed: the run's seed.
        window: chunks in a window.

    Returns:
        Positions in the training set.
    """
    generator = torch.Generator().manual_seed(rng.stream_key("order", seed, epoch) >> 1)
    groups = images.groups()
    if groups is None:
        shuffled: list[int] = torch.randperm(len(images), generator=generator).tolist()
        return shuffled
    chunks = torch.randperm(len(groups), generator=generator).tolist()
    order: list[int] = []
    for start in range(0, len(chunks), window):
        rows = torch.cat(
            [torch.as_tensor(groups[chunk]) for chunk in chunks[start : start + window]]
        )
        order += rows[torch.randperm(len(rows), generator=generator)].tolist()
    return order


def prefetch_to_device(batches: Iterable[Any], device: torch.device) -> Iterator[Any]:
    """Yield batches on a GPU, each copied there during the step on the one before.

    Args:
        batches: in pinned memory, so that the host does not wait for a copy. Anything but a Batch
            is passed on unchanged.
        device: a GPU.
    """
    copy_stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
    pending: tuple[Any, torch.cuda.Event] | None = None
    for batch in batches:
        with torch.cuda.stream(copy_stream):
            moved = _start_copy(batch, device)
        copied = copy_stream.record_event()
        if pending is not None:
            yield _after_copy(*pending, device)
        pending = (moved, copied)
    if pending is not None:
        yield _after_copy(*pending, device)


def _start_copy(batch: Any, device: torch.device) -> Any:
    """Start copying a batch to the GPU; its content may arrive later."""
    if not isinstance(batch, Batch):
        return batch
    return Batch(*(tensor.to(device, non_blocking=True) for tensor in batch))


def _after_copy(batch: Any, copied: torch.cuda.Event, device: torch.device) -> Any:
    """Make the batch safe to use: the step waits for the copy.

    The memory of the copy is not reused before the step has finished with it.
    """
    step_stream = torch.cuda.current_stream(device)
    step_stream.wait_event(copied)
    if isinstance(batch, Batch):
        for tensor in batch:
            tensor.record_stream(step_stream)
    return batch
