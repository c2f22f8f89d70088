"""The loaders that Lightning is given: their pixels, order, shares and splits."""

from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from torch import Tensor

from alexcli.data.images import ImageSource
from alexcli.data.open import open_dataset, open_source
from alexcli.data.store_images import open_store
from alexcli.data.store_writer import write_store
from alexcli.data.synthetic import draw
from alexcli.data.transforms import Batch, Preprocess
from alexcli.lit.datamodule import DataModule
from alexcli.placement.single import SinglePlacement
from alexcli.reporter import NullReporter
from alexcli.schema import Encoding, PrepareSpec
from tests.conftest import small

BATCH_SIZE = 16
EPOCHS = 2


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A store of 70 synthetic images."""
    images, labels = draw("train", 70, size=40, seed=0)
    for i, (image, label) in enumerate(zip(images, labels, strict=True)):
        folder = tmp_path / "synthetic" / "train" / f"class{label}"
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(folder / f"{i:03}.png")
    spec = PrepareSpec(size=36, encoding=Encoding.jpeg, processes=1)
    source = open_source(str(tmp_path / "synthetic"), spec)
    write_store(source, tmp_path / "store", spec, NullReporter())
    return tmp_path / "store"


class StepCounter:
    """What the data module asks of a trainer."""

    def __init__(self, step: int) -> None:
        self.global_step = step


def net_inputs(
    store: Path, *, workers: int = 0, step: int = 0, share: tuple[int, int] = (0, 1)
) -> list[Tensor]:
    """The net's inputs of two epochs, batch by batch, from a step on, with labels appended."""
    dataset = open_store(str(store))
    spec = small(
        f"data.workers={workers}", f"optim.batch_size={BATCH_SIZE}", "augment.images_per_crop=8"
    )
    preprocess = Preprocess(spec.augment, spec.model.input, dataset.statistics, dataset.size)
    placement = SinglePlacement(torch.device("cpu"), 2)
    placement.replica, placement.replicas = share
    data = DataModule(spec, dataset, placement)
    trainer: Any = StepCounter(step)
    data.trainer = trainer
    loader = data.train_dataloader()
    inputs = []
    while trainer.global_step < EPOCHS * len(loader):
        epoch = trainer.global_step // len(loader) + 1
        for batch in loader:
            assert isinstance(batch, Batch)
            assert batch.images.dtype == torch.uint8
            x = preprocess.augment(batch, seed=0, epoch=epoch).flatten(1)
            inputs.append(torch.cat([x, batch.labels[:, None].float()], dim=1))
            trainer.global_step += 1
    return inputs


def test_pixels_depend_neither_on_workers_nor_replicas_nor_where_a_run_resumes(store: Path) -> None:
    expected = net_inputs(store)
    assert [len(batch) for batch in expected] == [16, 16, 16, 16, 6] * EPOCHS
    assert not torch.equal(expected[0], expected[5])
    for workers in (1, 2):
        assert all(map(torch.equal, net_inputs(store, workers=workers), expected))
    shares = [net_inputs(store, share=(replica, 3)) for replica in range(3)]
    joined = [torch.cat(parts) for parts in zip(*shares, strict=True)]
    assert all(map(torch.equal, joined, expected))
    for step in (3, 5, 9):
        resumed = net_inputs(store, workers=1, step=step)
        assert all(map(torch.equal, resumed, expected[step:]))


def data_module(*overrides: str) -> DataModule:
    """150 images to train on and 60 to validate."""
    spec = small("data.workers=0", *overrides)
    return DataModule(spec, open_dataset(spec.data))


def assert_in_order(loader: Any, images: ImageSource) -> None:
    """Every image once, from the first to the last."""
    indices = torch.cat([batch.indices for batch in loader])
    assert indices.tolist() == list(range(len(images)))


def test_the_last_smaller_batch_of_an_epoch_is_a_step() -> None:
    assert data_module("optim.batch_size=50").steps_per_epoch == 3
    assert data_module("optim.batch_size=49").steps_per_epoch == 4


def test_validation_passes_over_val_alone_and_in_order() -> None:
    data = data_module()
    (loader,) = data.val_dataloader()
    assert_in_order(loader, data.dataset.val)


@pytest.mark.parametrize(
    "override", ["trainer.train_eval=true", "trainer.stop_at_train_error=0.25"]
)
def test_validation_passes_over_the_training_set_too_where_its_error_is_needed(
    override: str,
) -> None:
    data = data_module(override)
    val, train = data.val_dataloader()
    assert_in_order(val, data.dataset.val)
    assert_in_order(train, data.dataset.train)
