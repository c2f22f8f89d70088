import contextlib
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import Tensor

from alexcli.data.prepare import write_store
from alexcli.data.sources import open_source
from alexcli.data.store import open_store
from alexcli.data.toy import draw
from alexcli.data.transforms import Batch, Preprocess
from alexcli.errors import UsageError
from alexcli.lit.datamodule import DataModule, ahead
from alexcli.placement.single import Single
from alexcli.results import Silent
from alexcli.schema import Encoding, PrepareSpec
from tests.conftest import small

BATCH, EPOCHS = 16, 2


@pytest.fixture
def store(tmp_path: Path) -> Path:
    images, labels = draw("train", 70, size=40, seed=0)
    for i, (image, label) in enumerate(zip(images, labels, strict=True)):
        folder = tmp_path / "drawn" / "train" / f"class{label}"
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(folder / f"{i:03}.png")
    spec = PrepareSpec(size=36, encoding=Encoding.jpeg, processes=1)
    write_store(open_source(str(tmp_path / "drawn"), spec), tmp_path / "store", spec, Silent())
    return tmp_path / "store"


class _At:
    """What the data module asks of a trainer."""

    def __init__(self, step: int) -> None:
        self.global_step = step


def _seen(
    store: Path, *, workers: int = 0, step: int = 0, share: tuple[int, int] = (0, 1)
) -> list[Tensor]:
    """The net's inputs of two epochs, batch by batch, from a step on, with labels appended."""
    dataset = open_store(str(store))
    spec = small(f"data.workers={workers}", f"optim.batch_size={BATCH}", "augment.shared=8")
    preprocess = Preprocess(spec.augment, spec.model.input, dataset.statistics, dataset.size)

    placement = Single(torch.device("cpu"), 2)
    placement.replica, placement.replicas = share
    data = DataModule(spec, dataset, placement)
    at = _At(step)
    data.trainer = at  # type: ignore[assignment]
    loader, found = data.train_dataloader(), []
    while at.global_step < EPOCHS * len(loader):
        epoch = at.global_step // len(loader) + 1
        for batch in loader:
            assert isinstance(batch, Batch)
            assert batch.images.dtype == torch.uint8
            x = preprocess.train_view(batch, seed=0, epoch=epoch).flatten(1)
            found.append(torch.cat([x, batch.labels[:, None].float()], dim=1))
            at.global_step += 1
    return found


def test_pixels_depend_neither_on_workers_nor_ranks_nor_where_a_run_goes_on(store: Path) -> None:
    whole = _seen(store)
    assert [len(batch) for batch in whole] == [16, 16, 16, 16, 6] * EPOCHS
    assert not torch.equal(whole[0], whole[5])
    for workers in (1, 2):
        assert all(map(torch.equal, _seen(store, workers=workers), whole))
    shares = [_seen(store, share=(number, 3)) for number in range(3)]
    together = [torch.cat(parts) for parts in zip(*shares, strict=True)]
    assert all(map(torch.equal, together, whole))
    for step in (3, 5, 9):
        assert all(map(torch.equal, _seen(store, workers=1, step=step), whole[step:]))


class _Stream:
    """A CUDA stream that writes down what is asked of it."""

    def __init__(self, log: list[str], name: str) -> None:
        self.log, self.name, self.copies = log, name, 0

    def record_event(self) -> str:
        self.copies += 1
        return f"copy {self.copies}"

    def wait_event(self, event: str) -> None:
        self.log.append(f"{self.name} waits for {event}")


def test_the_next_batch_is_copied_while_the_step_works(monkeypatch: pytest.MonkeyPatch) -> None:
    log: list[str] = []
    working, side = _Stream(log, "step"), _Stream(log, "side")
    monkeypatch.setattr(torch.cuda, "Stream", lambda _: side)
    monkeypatch.setattr(torch.cuda, "stream", lambda _: contextlib.nullcontext())
    monkeypatch.setattr(torch.cuda, "current_stream", lambda _: working)
    kept: list[object] = []
    monkeypatch.setattr(Tensor, "record_stream", lambda _, stream: kept.append(stream))
    batches = [Batch(*(torch.full((2,), i) for _ in range(4))) for i in range(3)]
    broken = UsageError("a picture that cannot be decoded")
    for number, found in enumerate(ahead([*batches, broken], torch.device("cpu"))):
        log.append(f"step works on {number}")
        assert found is broken if number == 3 else torch.equal(found.labels, batches[number].labels)
        assert side.copies == min(number + 2, 4)  # the next one is on its way
    assert log == [
        line for i in range(4) for line in (f"step waits for copy {i + 1}", f"step works on {i}")
    ]
    assert kept == [working] * 12  # so that no memory is reused under the step
