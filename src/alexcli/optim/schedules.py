"""How learning rates and weight decays change during a run: one class per kind of schedule.

A schedule gives a multiple of `optim.lr` or of `optim.weight_decay`. To add a kind: name it in
`Schedule` (alexcli.schema.optim), write its class here and enter it in `SCHEDULES`.
"""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass

from alexcli.errors import plural
from alexcli.schema import GroupSpec, OptimSpec, Schedule, ScheduleSpec, ScheduleUnit


@dataclass(frozen=True)
class RunPosition:
    """The position of the next update in a run."""

    step: int
    """Updates made so far."""
    steps_per_epoch: int
    """Updates in one pass over the training set."""
    epochs: int
    """Largest number of epochs of the run (`optim.epochs`)."""
    plateau_divisor: float = 1.0
    """The divisor of the plateaus so far (`DivideOnPlateau.divisor`)."""

    @property
    def epoch(self) -> int:
        """Epoch of the next update, counted from 1."""
        return self.step // self.steps_per_epoch + 1

    def units_before(self, unit: ScheduleUnit) -> int:
        """Whole epochs or updates before the next update."""
        return self.step if unit is ScheduleUnit.step else self.epoch - 1

    def units_in_run(self, unit: ScheduleUnit) -> int:
        """Epochs or updates of the whole run."""
        return self.epochs * self.steps_per_epoch if unit is ScheduleUnit.step else self.epochs


class ScheduleRule(ABC):
    """One kind of schedule with its settings.

    Args:
        spec: the settings; `spec.kind` has chosen the class.
    """

    spans_run = False
    """Whether values depend on the length of the run, so that a shorter run starts differently."""

    def __init__(self, spec: ScheduleSpec) -> None:
        self.spec = spec

    @abstractmethod
    def value(self, position: RunPosition) -> float:
        """The multiple for the update at this position."""

    @abstractmethod
    def describe(self) -> str:
        """The schedule as one phrase, in multiples."""


class Constant(ScheduleRule):
    """The same value in every epoch."""

    def value(self, position: RunPosition) -> float:
        """The base."""
        return self.spec.base

    def describe(self) -> str:
        """For example `1`."""
        return f"{self.spec.base:g}"


class Steps(ScheduleRule):
    """A new value from each listed epoch (or update) on; both are counted from 1."""

    def value(self, position: RunPosition) -> float:
        """The value of the last listed epoch that has begun; the base before the first."""
        current = position.units_before(self.spec.per) + 1
        begun = [first for first in self.spec.steps if first <= current]
        return self.spec.steps[max(begun)] if begun else self.spec.base

    def describe(self) -> str:
        """For example `1, 0.1 from epoch 25, 0.01 from epoch 51`."""
        unit = self.spec.per.name
        changes = [f"{value:g} from {unit} {first}" for first, value in self.spec.steps.items()]
        return ", ".join([f"{self.spec.base:g}", *changes])


class DiscreteExponential(ScheduleRule):
    """Equal parts of the run, with equal ratios from base to base / factor (2012 code #170)."""

    spans_run = True

    def value(self, position: RunPosition) -> float:
        """The value of the current part; after the run's last epoch, that of the last part."""
        last_part = self.spec.parts - 1
        units_before = position.units_before(self.spec.per)
        part = min(
            units_before * self.spec.parts // position.units_in_run(self.spec.per), last_part
        )
        return float(self.spec.base / self.spec.factor ** (part / last_part))

    def describe(self) -> str:
        """For example `1 to 1/250 of it in 4 parts`."""
        parts = plural(self.spec.parts, "part")
        text = f"{self.spec.base:g} to 1/{self.spec.factor:g} of it in {parts}"
        return text + _per_step_suffix(self.spec)


class Cosine(ScheduleRule):
    """Half a cosine wave from base down to 0 (Loshchilov and Hutter 2017, without restarts)."""

    spans_run = True

    def value(self, position: RunPosition) -> float:
        """base * (1 + cos(pi * t)) / 2, where t in [0, 1) is the completed fraction of the run.

        The first epoch (or update) has the base, the last one a little more than 0; after the end
        of the run, the value is 0.
        """
        units_before = position.units_before(self.spec.per)
        fraction = min(units_before / position.units_in_run(self.spec.per), 1.0)
        return self.spec.base * (1 + math.cos(math.pi * fraction)) / 2

    def describe(self) -> str:
        """For example `1 to 0 along a cosine, per step`."""
        return f"{self.spec.base:g} to 0 along a cosine" + _per_step_suffix(self.spec)


class Plateau(ScheduleRule):
    """Divided whenever the validation error stops improving (section 5)."""

    def value(self, position: RunPosition) -> float:
        """The base over the divisor of the plateaus so far."""
        return float(self.spec.base / position.plateau_divisor)

    def describe(self) -> str:
        """For example `1, divided on plateaus`."""
        return f"{self.spec.base:g}, divided on plateaus"


SCHEDULES: dict[Schedule, type[ScheduleRule]] = {
    Schedule.constant: Constant,
    Schedule.steps: Steps,
    Schedule.dexp: DiscreteExponential,
    Schedule.cosine: Cosine,
    Schedule.plateau: Plateau,
}


def schedule_value(spec: ScheduleSpec, position: RunPosition) -> float:
    """The multiple that a schedule gives for the update at this position."""
    return SCHEDULES[spec.kind](spec).value(position)


def describe(spec: ScheduleSpec) -> str:
    """A schedule as one phrase, in multiples of `optim.lr` or `optim.weight_decay`."""
    return SCHEDULES[spec.kind](spec).describe()


def active_groups(spec: OptimSpec) -> dict[str, GroupSpec]:
    """The parameter groups that are not null."""
    return {name: group for name, group in spec.groups.items() if group is not None}


def uses_plateau(spec: OptimSpec) -> bool:
    """Whether any learning rate or weight decay follows the validation error."""
    return any(schedule.kind is Schedule.plateau for schedule in _schedules(spec))


def spanning_run(spec: OptimSpec) -> list[str]:
    """The schedules that depend on `optim.epochs`, such as `optim.groups.weights.lr (cosine)`."""
    return [
        f"optim.groups.{name}.{key} ({schedule.kind.name})"
        for name, group in active_groups(spec).items()
        for key, schedule in (("lr", group.lr), ("weight_decay", group.weight_decay))
        if SCHEDULES[schedule.kind].spans_run
    ]


def changes_per_step(spec: OptimSpec) -> bool:
    """Whether any learning rate or weight decay may change within an epoch."""
    return any(schedule.per is ScheduleUnit.step for schedule in _schedules(spec))


def _schedules(spec: OptimSpec) -> list[ScheduleSpec]:
    """The schedules of the learning rate and the weight decay of every active group."""
    groups = active_groups(spec).values()
    return [schedule for group in groups for schedule in (group.lr, group.weight_decay)]


def _per_step_suffix(spec: ScheduleSpec) -> str:
    """The end of a schedule's phrase if it counts updates."""
    return ", per step" if spec.per is ScheduleUnit.step else ""
