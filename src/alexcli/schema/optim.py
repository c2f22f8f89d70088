"""Keys of the group `optim`: the learning rule (section 5)."""

from dataclasses import dataclass, field
from enum import StrEnum

from alexcli.schema.ranges import MISSING, ranged

Schedule = StrEnum("Schedule", ["constant", "steps", "dexp", "cosine", "plateau"])
"""How a learning rate or a weight decay changes during a run."""

ScheduleUnit = StrEnum("ScheduleUnit", ["epoch", "step"])
"""What a schedule counts; a step is one update. Both are counted from 1."""


@dataclass
class ScheduleSpec:
    """A learning rate or weight decay over a run, in multiples of `optim.lr` or
    `optim.weight_decay`.
    """

    kind: Schedule = Schedule.constant
    """constant; steps (a new value from each listed epoch on); dexp (equal parts of the run, in
    equal ratios: 2012 code #170); cosine (half a cosine wave, from the base down to 0 at the end of
    `optim.epochs`); plateau (section 5).
    """
    base: float = ranged(1.0, low=0)
    """Value in the first epoch, as a multiple."""
    steps: dict[int, float] = field(default_factory=dict, metadata={"low": 0})
    """For `steps`: first epoch (or step, see `per`) with the new value -> new value, as a multiple.
    """
    factor: float = ranged(250.0, above=0)
    """For `dexp`: the last value is base / factor (#170: 250)."""
    parts: int = ranged(4, low=2)
    """For `dexp`: number of equal parts of the run (#170: 4)."""
    per: ScheduleUnit = ScheduleUnit.epoch
    """For `steps`, `dexp` and `cosine`: epoch (the value changes between epochs only, as in the
    paper) or step (it is computed anew before each update).
    """


@dataclass
class GroupSpec:
    """A group of parameters. A parameter belongs to the last group whose pattern matches its
    name.
    """

    pattern: str = MISSING
    """Shell pattern over `layer.weight` and `layer.bias`, e.g. `*.bias` or `conv1.*`; the towers
    share these names.
    """
    lr: ScheduleSpec = field(default_factory=ScheduleSpec)
    """Learning rate, in multiples of `optim.lr`. At 0 the parameter is not touched at all."""
    weight_decay: ScheduleSpec = field(default_factory=ScheduleSpec)
    """Weight decay, in multiples of `optim.weight_decay`."""


@dataclass
class PlateauSpec:
    """When a `plateau` schedule divides the learning rate (section 5: by 10, by hand, three times,
    then stop).
    """

    factor: float = ranged(10.0, above=1)
    """Divisor of the learning rate at each plateau."""
    times: int = ranged(3, low=0)
    """Number of divisions; the run stops at the plateau after the last one."""
    patience: int = ranged(5, low=1)
    """Number of epochs without a better validation top-1 error that counts as a plateau (our
    choice: the authors judged by eye).
    """
    min_delta: float = ranged(0.0, low=0)
    """Smallest decrease of the error (a fraction) that counts as better."""


OptimKind = StrEnum("OptimKind", ["paper_sgd", "sgd", "adam"])
"""paper_sgd has the learning rate inside the velocity (section 5); sgd and adam are torch's."""


@dataclass
class OptimSpec:
    """The learning rule (section 5)."""

    kind: OptimKind = OptimKind.paper_sgd
    """Update rule: paper_sgd (section 5), sgd or adam (both torch's)."""
    batch_size: int = ranged(128, low=1)
    """Images per update, over all devices (section 5: 128)."""
    epochs: int = ranged(90, low=1)
    """Largest number of passes over the training set (section 5: roughly 90)."""
    lr: float = ranged(0.01, above=0)
    """Learning rate; those of the groups are multiples of it (section 5: 0.01)."""
    momentum: float = ranged(0.9, low=0, below=1)
    """Momentum (section 5: 0.9)."""
    weight_decay: float = ranged(0.0005, low=0)
    """Weight decay; those of the groups are multiples of it (section 5: 0.0005)."""
    label_smoothing: float = ranged(0.0, low=0, below=1)
    """Share of each label's probability that the training loss spreads evenly over all classes; 0
    trains on the labels themselves, as the paper does. The validation loss is never smoothed.
    """
    groups: dict[str, GroupSpec | None] = field(default_factory=dict)
    """Groups by name; a later group overrides an earlier one, and null removes a group."""
    plateau: PlateauSpec = field(default_factory=PlateauSpec)
    """The rule behind `plateau` schedules."""
