"""Loaders whose order and position are a pure function of (seed, step)."""

import itertools
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import lightning as L
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from alexcli import draws
from alexcli.data.dataset import Dataset as Pictured
from alexcli.data.pictures import Pictures
from alexcli.data.transforms import Batch
from alexcli.errors import AlexcliError
from alexcli.placement.single import Single
from alexcli.schema import TrainSpec


class Part(NamedTuple):
    """The pictures of a batch."""

    start: int
    """Position of the first one in the order of the epoch."""
    indices: list[int]
    """Positions in their split."""


class Fetched(Dataset[Any]):
    """Whole batches by index: pictures are fetched together, not one by one."""

    def __init__(self, pictures: Pictures) -> None:
        self.pictures = pictures

    def __getitem__(self, part: Part) -> "Batch | AlexcliError":
        """A batch, or the error that fetching it met.

        An error is handed over as a value: a loader process would wrap it in a traceback.
        """
        indices = part.indices or [0]  # a replica's share of a small last batch may be empty
        try:
            images = self.pictures.fetch(indices)
        except AlexcliError as error:
            return error
        chosen = np.asarray(indices)
        positions = part.start + np.arange(len(chosen))
        arrays = (images, self.pictures.labels[chosen], chosen, positions)
        return Batch(*(torch.from_numpy(array[: len(part.indices)]) for array in arrays))


@dataclass(eq=False)
class Batches(Sampler[Part]):
    """This replica's share of each batch of an epoch, entered at the position of the step."""

    count: int
    """Pictures of the split."""
    batch_size: int
    """Pictures per global batch; the last one of an epoch may be smaller."""
    order: Callable[[int], list[int]]
    """The order of an epoch, which counts from 1."""
    share: Callable[[int], tuple[int, int]]
    """First row and end of the share of so many rows."""
    step: Callable[[], int] = int
    """How many updates were made, asked for when an epoch begins; none for a single pass."""

    def __len__(self) -> int:
        return -(-self.count // self.batch_size)

    def __iter__(self) -> Iterator[Part]:
        epoch, done = divmod(self.step(), len(self))
        order = self.order(epoch + 1)
        for start in range(done * self.batch_size, self.count, self.batch_size):
            indices = order[start : start + self.batch_size]
            first, end = self.share(len(indices))
            yield Part(start + first, indices[first:end])


def ahead(batches: Iterable[Any], device: torch.device) -> Iterator[Any]:
    """Batches on a GPU, copied there on a stream of its own while the step works on the one before.

    What is no batch is handed on as it is.
    """
    copying = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]

    def sent() -> Iterator[Any]:
        for batch in batches:
            with torch.cuda.stream(copying):  # from pinned memory, so the host does not wait
                parts = batch if isinstance(batch, Batch) else ()
                moved = Batch(*(p.to(device, non_blocking=True) for p in parts)) if parts else batch
            yield moved, copying.record_event()
        yield None  # nothing follows the last batch

    for (batch, copied), _ in itertools.pairwise(sent()):
        # The step waits for the copy, and the copy's memory is reused only when the step is done.
        working = torch.cuda.current_stream(device)
        working.wait_event(copied)
        for part in batch if isinstance(batch, Batch) else ():
            part.record_stream(working)
        yield batch


class Loader(DataLoader[Any]):
    """A loader that Lightning may take for resumable: its sampler knows the step."""

    device = torch.device("cpu")
    """Where batches go while the step works on the one before."""

    def __iter__(self) -> Any:
        """Batches, on a GPU if `device` is one.

        Raises the error that fetching one met, here where no traceback is wrapped around it.
        """
        batches = super().__iter__()
        for batch in ahead(batches, self.device) if self.device.type == "cuda" else batches:
            if isinstance(batch, AlexcliError):
                raise batch
            yield batch

    def state_dict(self) -> dict[str, Any]:
        """Nothing: the position follows from the step."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Nothing to do."""


class DataModule(L.LightningDataModule):
    """The splits of a data set as loaders.

    Args:
        spec: the run's configuration.
        dataset: its opened pictures.
        placement: its replica's share of each global batch is handed out, copied to its device
            ahead of the step if that is a GPU; None: all of it, here.
    """

    def __init__(self, spec: TrainSpec, dataset: Pictured, placement: Single | None = None) -> None:
        super().__init__()
        self.spec, self.dataset = spec, dataset
        self.placement = placement or Single(torch.device("cpu"), spec.model.towers)

    @property
    def steps_per_epoch(self) -> int:
        """Updates in one pass over the training set."""
        return -(-len(self.dataset.train) // self.spec.optim.batch_size)

    def _step(self) -> int:
        return self.trainer.global_step if self.trainer is not None else 0

    def _loader(self, pictures: Pictures, batches: Batches) -> Loader:
        workers = self.spec.data.workers
        loader = Loader(
            Fetched(pictures),
            sampler=batches,
            batch_size=None,  # each item is a batch
            num_workers=workers,
            persistent_workers=workers > 0,
            worker_init_fn=_deaf,
            # Workers only decode; spawned ones would import torch again for each loader.
            multiprocessing_context="fork" if workers and sys.platform == "linux" else None,
            pin_memory=torch.cuda.is_available(),
        )
        loader.device = self.placement.device
        return loader

    def train_dataloader(self) -> Loader:
        """Shuffled batches of the training set."""
        pictures, spec = self.dataset.train, self.spec
        order = partial(epoch_order, pictures, seed=spec.seed, window=spec.data.window)
        sizes, share = (len(pictures), spec.optim.batch_size), self.placement.share
        return self._loader(pictures, Batches(*sizes, order, share, self._step))

    def in_order(self, pictures: Pictures) -> Loader:
        """All pictures of a split once, in order."""
        every, size = list(range(len(pictures))), self.spec.eval.batch_size
        batches = Batches(len(every), size, lambda _: every, self.placement.share)
        return self._loader(pictures, batches)

    def val_dataloader(self) -> list[Loader]:
        """`val`, and after it the training set where `trainer.train_eval` asks for it."""
        loaders = [self.in_order(self.dataset.val)]
        wanted = self.spec.trainer
        if wanted.train_eval or wanted.stop_at_train_error is not None:
            loaders.append(self.in_order(self.dataset.train))
        return loaders


def _deaf(worker: int) -> None:  # noqa: ARG001
    """Ctrl-C reaches a whole process group: the main process decides, loader processes go on."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def epoch_order(pictures: Pictures, epoch: int, *, seed: int, window: int) -> list[int]:
    """Every picture once.

    Pictures that are near (in memory, on this machine's disk) are shuffled as a whole. Those that
    come in chunks from afar are shuffled within windows of a few chunks, chunks drawn in random
    order, so that a chunk is fetched once an epoch and only a window's worth is needed at a time.

    Args:
        pictures: the training set.
        epoch: counted from 1.
        seed: the run's seed.
        window: chunks in a window.
    """
    generator = torch.Generator().manual_seed(draws.key("order", seed, epoch) >> 1)
    groups = pictures.groups()
    if groups is None:
        shuffled: list[int] = torch.randperm(len(pictures), generator=generator).tolist()
        return shuffled
    chunks = torch.randperm(len(groups), generator=generator).tolist()
    order: list[int] = []
    for start in range(0, len(chunks), window):
        near = torch.cat([torch.as_tensor(groups[i]) for i in chunks[start : start + window]])
        order += near[torch.randperm(len(near), generator=generator)].tolist()
    return order
