"""Updates at learning rates that grow."""

import math
from pathlib import Path

import pytest
import torch

from alexcli.data.transforms import Batch, Preprocess
from alexcli.errors import UsageError
from alexcli.reporter import NullReporter
from alexcli.run.directory import RunDirectory
from alexcli.run.range_test import DIVERGED, losses_at
from tests.conftest import small
from tests.run.trainings import Notes


def test_losses_are_those_of_the_first_steps_and_nothing_is_written() -> None:
    spec = small("optim.batch_size=50")
    still = losses_at(spec, [1e-12] * 4, NullReporter()).losses
    assert len(still) == 4
    assert all(1.5 < loss < 4 for loss in still), "a net of ten classes before its first step"
    assert losses_at(spec, [1e-12, 1e-2, 1e-2, 1e-2], NullReporter()).losses[1] == still[1]
    assert losses_at(spec, [1e-2] * 4, NullReporter()).losses[1:] != still[1:]
    assert not Path("runs").exists()


def test_each_pass_over_the_data_has_the_crops_and_noise_of_its_own_epoch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    epochs: list[int] = []
    augment = Preprocess.augment

    def recorded(self: Preprocess, batch: Batch, *, seed: int, epoch: int) -> torch.Tensor:
        epochs.append(epoch)
        return augment(self, batch, seed=seed, epoch=epoch)

    monkeypatch.setattr(Preprocess, "augment", recorded)
    spec = small("optim.batch_size=50", "data.train_count=100")
    assert len(losses_at(spec, [1e-12] * 5, NullReporter()).losses) == 5
    assert epochs == [1, 1, 2, 2, 3]


def test_a_loss_that_diverges_ends_the_test() -> None:
    losses = losses_at(small(), [1e-3] * 2 + [1e6] * 50, NullReporter()).losses
    assert len(losses) < 52
    assert not math.isfinite(losses[-1]) or losses[-1] > DIVERGED * min(losses)


def test_the_test_begins_with_the_weights_that_init_from_names(run: RunDirectory) -> None:
    notes = Notes()
    (trained,) = losses_at(small(f"init_from={run.path}"), [1e-12], notes).losses
    (fresh,) = losses_at(small(), [1e-12], NullReporter()).losses
    assert trained < fresh
    assert any("copied conv1" in note for note in notes.notes)


def test_a_last_batch_that_batch_norm_cannot_take_is_refused() -> None:
    spec = small("model.norm=batch", "model.layers.fc6.ops=[norm,act]", "data.train_count=101")
    with pytest.raises(UsageError, match="leave 1 of 101 training images"):
        losses_at(spec, [1e-2], NullReporter())
