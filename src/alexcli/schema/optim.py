"""Keys of the group `optim`: the learning rule (section 5)."""

from dataclasses import dataclass, field
from enum import StrEnum

from omegaconf import MISSING

from alexcli.schema.ranges import ranged

Schedule = StrEnum("Schedule", ["constant", "steps", "dexp", "plateau"])
"""How a quantity changes from epoch to epoch; epochs are counted from 1."""


@dataclass
class ScheduleSpec:
    """A quantity by epoch, in multiples of `optim.rate` or `optim.weight_decay`."""

    kind: Schedule = Schedule.constant
    """constant; steps (values by epoch); dexp (equal steps, geometric: 2012 code #170); plateau
    (section 5).
    """
    base: float = ranged(1.0, low=0)
    """Value in the first epoch, a multiple."""
    steps: dict[int, float] = field(default_factory=dict, metadata={"low": 0})
    """For `steps`: first epoch with the new value -> new value, a multiple."""
    factor: float = ranged(250.0, above=0)
    """For `dexp`: the last value is base / factor (#170: 250)."""
    parts: int = ranged(4, low=2)
    """For `dexp`: number of equal parts of the run (#170: 4)."""


@dataclass
class GroupSpec:
    """A group of parameters. The last group whose pattern matches a parameter's name has it."""

    pattern: str = MISSING
    """Shell pattern over `layer.weight` and `layer.bias`, e.g. `*.bias` or `conv1.*`; towers share
    a name.
    """
    rate: ScheduleSpec = field(default_factory=ScheduleSpec)
    """Learning rate, in multiples of `optim.rate`. At 0 the parameter is not touched at all."""
    decay: ScheduleSpec = field(default_factory=ScheduleSpec)
    """Weight decay, in multiples of `optim.weight_decay`."""


@dataclass
class PlateauSpec:
    """When a `plateau` schedule divides (section 5: by 10, by hand, three times, then stop)."""

    factor: float = ranged(10.0, above=1)
    """Divisor of the rate."""
    times: int = ranged(3, low=0)
    """Divisions before the run stops at the next plateau."""
    patience: int = ranged(5, low=1)
    """Epochs without a better validation top-1 error that make a plateau (ours: the paper judged by
    eye).
    """
    min_delta: float = ranged(0.0, low=0)
    """Smallest fall of the error (a fraction) that counts as better."""


OptimKind = StrEnum("OptimKind", ["paper_sgd", "sgd", "adam"])
"""paper_sgd has the rate inside the velocity (section 5); sgd and adam are torch's."""


@dataclass
class OptimSpec:
    """The learning rule (section 5)."""

    kind: OptimKind = OptimKind.paper_sgd
    """Update rule."""
    batch_size: int = ranged(128, low=1)
    """Pictures per update, over all devices (section 5: 128)."""
    epochs: int = ranged(90, low=1)
    """Passes over the training set at most (section 5: roughly 90)."""
    rate: float = ranged(0.01, above=0)
    """Unit of the learning rates (section 5: 0.01)."""
    momentum: float = ranged(0.9, low=0, below=1)
    """Momentum (section 5: 0.9)."""
    weight_decay: float = ranged(0.0005, low=0)
    """Unit of the weight decays (section 5: 0.0005)."""
    groups: dict[str, GroupSpec | None] = field(default_factory=dict)
    """Groups by name; the last match wins, null removes one."""
    plateau: PlateauSpec = field(default_factory=PlateauSpec)
    """The rule behind `plateau` schedules."""
