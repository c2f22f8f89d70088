"""Learning rates and weight decays by epoch and by step."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from alexcli.optim.schedules import (
    SCHEDULES,
    RunPosition,
    changes_per_step,
    describe,
    schedule_value,
    spanning_run,
    uses_plateau,
)
from alexcli.schema import GroupSpec, OptimSpec, Schedule, ScheduleSpec, ScheduleUnit

STEPS_PER_EPOCH = 7


def by_epoch(spec: ScheduleSpec, epoch: int, epochs: int = 95, plateau_divisor: float = 1) -> float:
    """The value in the last update of an epoch."""
    last_step = epoch * STEPS_PER_EPOCH - 1
    return schedule_value(spec, RunPosition(last_step, STEPS_PER_EPOCH, epochs, plateau_divisor))


def by_step(spec: ScheduleSpec, epochs: int) -> list[float]:
    """The values of all updates of a run."""
    steps = range(epochs * STEPS_PER_EPOCH)
    return [schedule_value(spec, RunPosition(step, STEPS_PER_EPOCH, epochs)) for step in steps]


def test_epochs_count_from_1_and_change_after_their_last_update() -> None:
    epochs = [RunPosition(step, steps_per_epoch=3, epochs=2).epoch for step in range(6)]
    assert epochs == [1, 1, 1, 2, 2, 2]


def test_dexp_gives_the_values_of_net_170_in_four_parts_of_95_epochs() -> None:
    spec = ScheduleSpec(kind=Schedule.dexp, factor=250.0, parts=4)
    values = [by_epoch(spec, epoch) for epoch in range(1, 96)]
    expected = [1.0] * 24 + [0.15874] * 24 + [0.025198] * 24 + [0.004] * 23
    np.testing.assert_allclose(values, expected, rtol=2e-5)
    assert by_epoch(spec, 200) == pytest.approx(0.004)


def test_dexp_per_step_divides_the_updates_of_the_run_into_equal_parts() -> None:
    spec = ScheduleSpec(kind=Schedule.dexp, factor=4.0, parts=2, per=ScheduleUnit.step)
    assert by_step(spec, epochs=3) == [1.0] * 11 + [0.25] * 10  # 21 updates


def test_steps_take_effect_in_their_epoch_in_any_order() -> None:
    spec = ScheduleSpec(kind=Schedule.steps, base=2.0, steps={51: 0.01, 25: 0.1})
    values = [by_epoch(spec, epoch) for epoch in (1, 24, 25, 50, 51, 95)]
    assert values == [2.0, 2.0, 0.1, 0.1, 0.01, 0.01]


def test_steps_per_step_count_updates_from_1() -> None:
    spec = ScheduleSpec(kind=Schedule.steps, steps={3: 0.5, 9: 0.1}, per=ScheduleUnit.step)
    assert by_step(spec, epochs=2) == [1.0] * 2 + [0.5] * 6 + [0.1] * 6


def test_constant_and_plateau_values() -> None:
    assert by_epoch(ScheduleSpec(base=3.0), 50, plateau_divisor=100.0) == 3.0
    spec = ScheduleSpec(kind=Schedule.plateau, base=3.0)
    values = [by_epoch(spec, 50, plateau_divisor=10.0**drops) for drops in range(3)]
    assert values == [3.0, 0.3, 0.03]


@pytest.mark.parametrize("unit", list(ScheduleUnit))
def test_cosine_follows_torchs_annealing(unit: ScheduleUnit) -> None:
    epochs = 5
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([parameter], lr=2.0)
    count = epochs if unit is ScheduleUnit.epoch else epochs * STEPS_PER_EPOCH
    annealing = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=count)
    expected = []
    for _ in range(count):
        expected.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        annealing.step()
    if unit is ScheduleUnit.epoch:
        expected = [value for value in expected for _ in range(STEPS_PER_EPOCH)]
    spec = ScheduleSpec(kind=Schedule.cosine, base=2.0, per=unit)
    np.testing.assert_allclose(by_step(spec, epochs), expected, rtol=1e-12)


def test_cosine_starts_at_the_base_exactly_and_is_0_after_the_run() -> None:
    spec = ScheduleSpec(kind=Schedule.cosine, base=0.3)
    assert by_epoch(spec, 1) == 0.3
    assert by_epoch(spec, 95) > 0
    assert by_epoch(spec, 96) == by_epoch(spec, 200) == 0


@pytest.mark.parametrize("unit", list(ScheduleUnit))
@pytest.mark.parametrize("kind", list(Schedule))
def test_every_schedule_has_its_base_at_the_start_of_a_run(
    kind: Schedule, unit: ScheduleUnit
) -> None:
    assert kind in SCHEDULES
    spec = ScheduleSpec(kind=kind, base=0.7, steps={4: 0.1}, per=unit)
    assert schedule_value(spec, RunPosition(0, STEPS_PER_EPOCH, 10)) == 0.7


@pytest.mark.parametrize(
    ("spec", "phrase"),
    [
        (ScheduleSpec(base=2.0), "2"),
        (
            ScheduleSpec(kind=Schedule.steps, steps={25: 0.1, 51: 0.01}),
            "1, 0.1 from epoch 25, 0.01 from epoch 51",
        ),
        (
            ScheduleSpec(kind=Schedule.steps, steps={500: 0.1}, per=ScheduleUnit.step),
            "1, 0.1 from step 500",
        ),
        (ScheduleSpec(kind=Schedule.dexp), "1 to 1/250 of it in 4 parts"),
        (
            ScheduleSpec(kind=Schedule.dexp, per=ScheduleUnit.step),
            "1 to 1/250 of it in 4 parts, per step",
        ),
        (ScheduleSpec(kind=Schedule.cosine, base=0.5), "0.5 to 0 along a cosine"),
        (
            ScheduleSpec(kind=Schedule.cosine, per=ScheduleUnit.step),
            "1 to 0 along a cosine, per step",
        ),
        (ScheduleSpec(kind=Schedule.plateau), "1, divided on plateaus"),
    ],
)
def test_a_schedule_is_described_in_one_phrase(spec: ScheduleSpec, phrase: str) -> None:
    assert describe(spec) == phrase


def test_uses_plateau_looks_at_learning_rate_and_decay_of_active_groups() -> None:
    plateau = ScheduleSpec(kind=Schedule.plateau)
    by_lr = GroupSpec(pattern="*", lr=plateau)
    by_decay = GroupSpec(pattern="*", weight_decay=plateau)
    assert uses_plateau(OptimSpec(groups={"a": None, "b": by_lr}))
    assert uses_plateau(OptimSpec(groups={"b": by_decay}))
    assert not uses_plateau(OptimSpec(groups={"a": None, "b": GroupSpec(pattern="*")}))


def test_changes_per_step_looks_at_learning_rate_and_decay_of_active_groups() -> None:
    per_step = ScheduleSpec(kind=Schedule.cosine, per=ScheduleUnit.step)
    by_lr = GroupSpec(pattern="*", lr=per_step)
    by_decay = GroupSpec(pattern="*", weight_decay=per_step)
    per_epoch = GroupSpec(pattern="*", lr=ScheduleSpec(kind=Schedule.cosine))
    assert changes_per_step(OptimSpec(groups={"a": None, "b": by_lr}))
    assert changes_per_step(OptimSpec(groups={"b": by_decay}))
    assert not changes_per_step(OptimSpec(groups={"a": None, "b": per_epoch}))


def test_describing_schedules_does_not_import_torch() -> None:
    program = "import sys, alexcli.optim.schedules; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0


@pytest.mark.parametrize("kind", list(Schedule))
def test_a_schedule_spans_the_run_if_its_beginning_depends_on_the_length(kind: Schedule) -> None:
    schedule = ScheduleSpec(kind=kind, steps={3: 0.1}, per=ScheduleUnit.step)
    short = by_step(schedule, epochs=4)
    longer = by_step(schedule, epochs=8)[: len(short)]
    group = GroupSpec(pattern="*", weight_decay=schedule)
    named = spanning_run(OptimSpec(groups={"all": group, "removed": None}))
    assert bool(named) == (short != longer)
    assert named in ([], [f"optim.groups.all.weight_decay ({kind.name})"])
