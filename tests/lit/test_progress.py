"""Progress reports of a training, and the warning about a loss that does not move."""

import itertools
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from alexcli.errors import RunFailedError
from alexcli.lit import progress as progress_file
from alexcli.lit.module import AlexNetModule
from alexcli.lit.progress import Progress, StuckLoss
from alexcli.records.training import EpochRow
from alexcli.reporter import NullReporter
from tests.lit.small_run import attach_trainer, build


class StepReporter(NullReporter):
    """Keeps the rows and warnings that it receives."""

    def __init__(self) -> None:
        self.rows: list[EpochRow] = []
        self.warnings: list[str] = []
        self.passes: list[tuple[str, int, int]] = []

    def progress(self, task: str, completed: int, total: int) -> None:
        self.passes.append((task, completed, total))

    def step(self, row: EpochRow, *_: Any) -> None:
        self.rows.append(row)

    def warn(self, text: str) -> None:
        self.warnings.append(text)


@pytest.mark.parametrize(("center", "warns"), [(2.3026, True), (2.25, False), (5.3, False)])
def test_noise_around_guessing_does_not_hide_it_and_learning_is_not_blamed(
    center: float, warns: bool
) -> None:
    stuck = StuckLoss(classes=10, step=0)
    generator = torch.Generator().manual_seed(0)
    answers = []
    for step in range(1, 2000):  # one report a step, as with slow steps
        noise = 0.05 * torch.randn((), generator=generator).item()
        answers.append(stuck.update(center + noise, count=1, step=step))
    assert any(answer is not None for answer in answers) is warns


def test_a_loss_is_stuck_after_the_patience_counted_from_where_a_run_resumes() -> None:
    stuck = StuckLoss(classes=10, step=1000)
    assert stuck.update(stuck.level, count=299, step=1299) is None
    assert stuck.update(stuck.level, count=1, step=1300) == 300


def started(reporter: StepReporter, clock: list[float]) -> tuple[Progress, AlexNetModule, Any]:
    """A callback at the first step of a run, its module and Lightning's trainer."""
    module, _ = build()
    attach_trainer(module)
    progress = Progress(reporter, clock=lambda: clock[0])
    trainer: Any = SimpleNamespace(global_step=0, is_last_batch=False)
    progress.on_train_start(trainer, module)
    progress.on_train_epoch_start(trainer, module)
    return progress, module, trainer


def end_step(progress: Progress, module: AlexNetModule, trainer: Any, loss: float) -> None:
    """Let the callback see one more update of ten images."""
    trainer.global_step += 1
    scores = torch.zeros(10, module.spec.model.classes)
    labels = torch.zeros(10, dtype=torch.int64)
    module.last_loss = torch.tensor(loss)
    module.train_meter.update(scores, labels, module.last_loss)
    module.epoch_images += 10
    progress.on_train_batch_end(trainer, module)


def test_reports_come_a_few_times_a_second_with_the_mean_loss_since_the_last_one() -> None:
    reporter = StepReporter()
    clock = [0.0]
    progress, module, trainer = started(reporter, clock)
    for loss in (1.0, 2.0, 3.0):
        clock[0] += 0.1
        end_step(progress, module, trainer, loss)
    (row,) = reporter.rows
    assert row.loss == pytest.approx(2.0)
    assert row.images_per_s == pytest.approx(30 / 0.3)


def test_the_last_step_of_an_epoch_is_always_reported() -> None:
    reporter = StepReporter()
    progress, module, trainer = started(reporter, [0.0])
    trainer.is_last_batch = True
    end_step(progress, module, trainer, 1.0)
    assert len(reporter.rows) == 1


def test_a_loss_that_is_not_finite_stops_the_run_at_the_next_report() -> None:
    progress, module, trainer = started(StepReporter(), [0.0])
    trainer.is_last_batch = True
    with pytest.raises(RunFailedError, match="the training loss is nan"):
        end_step(progress, module, trainer, float("nan"))


@pytest.mark.parametrize("seconds", [0.1, 1.0])
def test_a_long_validation_pass_is_reported_in_images_and_a_short_one_is_not(
    seconds: float,
) -> None:
    reporter = StepReporter()
    clock = [0.0]
    progress, module, trainer = started(reporter, clock)
    trainer.num_val_batches = [4, 4]
    progress.on_validation_start(trainer, module)
    for loader, batch in itertools.product(range(2), range(4)):
        clock[0] += seconds
        progress.on_validation_batch_end(trainer, module, None, None, batch, loader)
    dataset = module.data.dataset
    images = len(dataset.val) + len(dataset.train)
    completed = [images * batches // 8 for batches in range(4, 9)]
    expected = [("validating", count, images) for count in completed]
    assert reporter.passes == (expected if seconds == 1 else [])


def test_a_stuck_loss_is_warned_about_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress_file, "REPORT_EVERY", 0.0)
    monkeypatch.setattr(StuckLoss, "PATIENCE", 4)
    reporter = StepReporter()
    progress, module, trainer = started(reporter, [0.0])
    for _ in range(12):
        end_step(progress, module, trainer, 2.302585)
    (warning,) = reporter.warnings
    assert "guessing among 10 classes" in warning
    assert "for 4 steps" in warning
    assert "optim.lr" in warning
