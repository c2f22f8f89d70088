"""One training step, one validation step, and what a checkpoint keeps besides weights."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from alexcli.data.transforms import Batch
from alexcli.errors import RunFailedError
from alexcli.lit.module import AlexNetModule
from alexcli.model.net import all_named_parameters
from alexcli.optim.groups import apply_schedules
from tests.lit.small_run import STEPS_PER_EPOCH, attach_trainer, build

COSINE_PER_STEP = "optim.groups.weights.lr={kind: cosine, per: step}"
COSINE_PER_EPOCH = "optim.groups.weights.lr={kind: cosine}"


def first_batch(module: AlexNetModule) -> Batch:
    batch: Batch = next(iter(module.data.train_dataloader()))
    return batch


def scores_of(module: AlexNetModule, batch: Batch, step: Callable[[], Any]) -> torch.Tensor:
    """The class scores that the net computes within a step of the module."""
    outputs: list[torch.Tensor] = []
    hook = module.net.register_forward_hook(lambda *args: outputs.append(args[-1].detach()))
    step()
    hook.remove()
    (scores,) = outputs
    assert len(scores) == len(batch.labels)
    return scores


def test_a_schedule_per_step_sets_the_learning_rate_before_every_update() -> None:
    module, _ = build(COSINE_PER_STEP)
    trainer = attach_trainer(module)
    weights, biases = trainer.optimizers[0].param_groups
    module.on_train_epoch_start()
    learning_rates = []
    for step in range(2 * STEPS_PER_EPOCH):
        trainer.global_step = step
        module.on_train_batch_start(None, step)
        learning_rates.append(weights["lr"])
    expected = [0.01 * (1 + math.cos(math.pi * step / 6)) / 2 for step in range(6)]
    assert learning_rates == pytest.approx(expected, rel=1e-12)
    assert biases["lr"] == 0.01


def test_a_schedule_per_epoch_is_set_between_epochs_only() -> None:
    module, _ = build(COSINE_PER_EPOCH)
    trainer = attach_trainer(module)
    weights = trainer.optimizers[0].param_groups[0]
    learning_rates = []
    for step in range(2 * STEPS_PER_EPOCH):
        trainer.global_step = step
        if step % STEPS_PER_EPOCH == 0:
            module.on_train_epoch_start()
        module.on_train_batch_start(None, step)
        learning_rates.append(weights["lr"])
    assert learning_rates == pytest.approx([0.01] * 3 + [0.005] * 3)


@pytest.mark.parametrize("schedule", [COSINE_PER_STEP, COSINE_PER_EPOCH])
def test_learning_rates_after_resuming_within_an_epoch_are_those_of_an_uninterrupted_run(
    schedule: str,
) -> None:
    """Lightning calls no `on_train_epoch_start` then; the optimizer's state brings the rest."""
    module, _ = build(schedule)
    trainer = attach_trainer(module)
    resumed, _ = build(schedule)
    resumed_trainer = attach_trainer(resumed)
    for step in range(STEPS_PER_EPOCH, STEPS_PER_EPOCH + 2):
        trainer.global_step = step
        if step == STEPS_PER_EPOCH:
            module.on_train_epoch_start()
        module.on_train_batch_start(None, step)
    resumed_trainer.optimizers[0].load_state_dict(trainer.optimizers[0].state_dict())
    for step in range(STEPS_PER_EPOCH + 2, 2 * STEPS_PER_EPOCH):
        for session, session_trainer in ((module, trainer), (resumed, resumed_trainer)):
            session_trainer.global_step = step
            session.on_train_batch_start(None, step)
        groups = trainer.optimizers[0].param_groups
        resumed_groups = resumed_trainer.optimizers[0].param_groups
        for key in ("lr", "weight_decay"):
            assert [group[key] for group in groups] == [group[key] for group in resumed_groups]


def test_a_session_that_resumes_within_an_epoch_ends_it_with_the_same_weights() -> None:
    uninterrupted, _ = build(COSINE_PER_STEP)
    batches = list(uninterrupted.data.train_dataloader())
    trainer = attach_trainer(uninterrupted)
    uninterrupted.on_train_epoch_start()
    update(uninterrupted, batches, range(2))
    saved_weights = {k: v.clone() for k, v in uninterrupted.net.state_dict().items()}
    saved_optimizer = trainer.optimizers[0].state_dict()
    saved_optimizer["state"] = {
        number: {"velocity": state["velocity"].clone()}
        for number, state in saved_optimizer["state"].items()
    }
    saved_optimizer["param_groups"] = [dict(group) for group in saved_optimizer["param_groups"]]
    update(uninterrupted, batches, range(2, STEPS_PER_EPOCH))

    resumed, _ = build(COSINE_PER_STEP)
    resumed.net.load_state_dict(saved_weights)
    attach_trainer(resumed).optimizers[0].load_state_dict(saved_optimizer)
    update(resumed, batches, range(2, STEPS_PER_EPOCH))
    for a, b in zip(uninterrupted.net.parameters(), resumed.net.parameters(), strict=True):
        assert torch.equal(a, b)


def update(module: AlexNetModule, batches: list[Batch], steps: range) -> None:
    """Make these updates of the first epoch."""
    trainer: Any = module.trainer
    for step in steps:
        trainer.global_step = step
        module.on_train_batch_start(batches[step], step)
        module.training_step(batches[step], step).backward()  # type: ignore[no-untyped-call]
        trainer.optimizers[0].step()
        module.zero_grad()


def test_the_optimizer_covers_all_parameters_of_the_net() -> None:
    module, _ = build()
    optimizer = module.configure_optimizers()
    apply_schedules(optimizer, module.spec.optim, module.position)
    in_groups = {id(p) for group in optimizer.param_groups for p in group["params"]}
    assert in_groups == {id(p) for _, p in all_named_parameters(module.net)}


def test_without_label_smoothing_the_recorded_loss_is_the_loss() -> None:
    module, _ = build()
    attach_trainer(module)
    batch = first_batch(module)
    losses: list[torch.Tensor] = []
    scores = scores_of(module, batch, lambda: losses.append(module.training_step(batch, 0)))
    (loss,) = losses
    expected = F.cross_entropy(scores, batch.labels, reduction="sum") / len(scores)
    assert torch.equal(loss.detach(), expected)
    assert torch.equal(module.last_loss, expected)
    assert module.train_meter.compute()["loss"] == pytest.approx(float(expected), rel=1e-6)


def test_label_smoothing_changes_the_loss_that_is_minimised_but_not_the_recorded_one() -> None:
    module, _ = build("optim.label_smoothing=0.1")
    attach_trainer(module)
    batch = first_batch(module)
    losses: list[torch.Tensor] = []
    scores = scores_of(module, batch, lambda: losses.append(module.training_step(batch, 0)))
    (loss,) = losses
    smoothed = F.cross_entropy(scores, batch.labels, label_smoothing=0.1)
    plain = F.cross_entropy(scores, batch.labels)
    assert abs(float(smoothed - plain)) > 1e-4
    torch.testing.assert_close(loss.detach(), smoothed)
    torch.testing.assert_close(module.last_loss, plain)
    assert module.train_meter.compute()["loss"] == pytest.approx(float(plain), rel=1e-6)


def test_the_validation_loss_is_never_smoothed() -> None:
    module, data = build("optim.label_smoothing=0.5")
    module.eval()
    (loader,) = data.val_dataloader()
    batch: Batch = next(iter(loader))
    scores = scores_of(module, batch, lambda: module.validation_step(batch, 0))
    expected = float(F.cross_entropy(scores, batch.labels))
    assert module.val_meters[0].compute()["loss"] == pytest.approx(expected, rel=1e-6)


def test_a_row_records_learning_rate_position_and_peak_memory() -> None:
    module, _ = build()
    trainer = attach_trainer(module)
    batch = first_batch(module)
    module.training_step(batch, 0)
    trainer.global_step = STEPS_PER_EPOCH + 1
    row = module.epoch_row("train", module.train_meter, images_per_s=7.0)
    assert (row.step, row.epoch, row.split, row.lr) == (4, 2, "train", 0.01)
    assert row.images_per_s == 7.0
    assert row.peak_memory_bytes is not None
    assert row.peak_memory_bytes > 10_000_000  # torch alone takes more


def test_a_loss_that_is_not_finite_is_refused_naming_the_step() -> None:
    module, _ = build()
    attach_trainer(module, step=2)
    module.last_loss = torch.tensor(math.inf)
    with pytest.raises(
        RunFailedError, match=r"the training loss is inf at step 2 \(epoch 1\)"
    ) as e:
        module.check_finite()
    assert e.value.hint == "lower the learning rate: optim.lr=0.001"


def test_a_run_that_had_ended_before_it_was_killed_trains_no_further() -> None:
    module, _ = build()
    trainer = attach_trainer(module)
    module.on_train_start()
    assert not trainer.should_stop
    module.finished = True
    module.on_train_start()
    assert trainer.should_stop


def test_a_checkpoint_brings_back_plateau_time_and_the_running_errors() -> None:
    module, data = build()
    attach_trainer(module)
    module.training_step(first_batch(module), 0)
    module.plateau.update(0.5)
    module.finished = True
    checkpoint: dict[str, Any] = {}
    module.on_save_checkpoint(checkpoint)
    assert checkpoint["alexcli"]["classes"] == data.dataset.classes
    restored, _ = build()
    restored.on_load_checkpoint(checkpoint)
    assert restored.finished
    assert restored.plateau.state_dict() == module.plateau.state_dict()
    assert restored.seconds >= checkpoint["alexcli"]["seconds"]
    assert torch.equal(restored.train_meter.sums, module.train_meter.sums)
    assert restored.train_meter.count() == 50


def test_an_imported_checkpoint_has_no_running_errors() -> None:
    module, _ = build()
    checkpoint: dict[str, Any] = {}
    module.on_save_checkpoint(checkpoint)
    checkpoint["alexcli"]["train_errors"] = []
    module.on_load_checkpoint(checkpoint)
    assert module.train_meter.count() == 0
