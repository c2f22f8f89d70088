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
    """A learning rate or weight decay during a run, in multiples of `optim.lr` or
    `optim.weight_decay`.
    """

    kind: Schedule = Schedule.constant
    """constant; steps (a new value from each listed epoch on); dexp (equal parts of the run, in
    equal ratios: 2012 code #170); cosine (half a cosine wave, from the base down to 0 at the end of
    `optim.epochs`); plateau (section 5).
    """
    base: float = ranged(1.0, low=0)
    """Value in the first epoch, a multiple."""
    steps: dict[int, float] = field(default_factory=dict, metadata={"low": 0})
    """For `steps`: first epoch (or step, see `per`) with the new value -> new value, a multiple."""
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
    """When a `plateau` schedule divides (section 5: by 10, by hand, three times, then stop)."""

    factor: float = ranged(10.0, above=1)
    """What one division divides the learning rate by."""
    times: int = ranged(3, low=0)
    """Divisions before the run stops at the next plateau."""
    patience: int = ranged(5, low=1)
    """Epochs without a better validation top-1 error that make a plateau (our choice: the authors
    judged by eye).
    """
    min_delta: float = ranged(0.0, low=0)
    """Smallest fall of the error (a fraction) that counts as better."""


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
    """Passes over the training set at most (section 5: roughly 90)."""
    lr: float = ranged(0.01, above=0)
    """Learning rate, the unit of the groups' learning rates (section 5: 0.01)."""
    momentum: float = ranged(0.9, low=0, below=1)
    """Momentum (section 5: 0.9)."""
    weight_decay: float = ranged(0.0005, low=0)
    """Weight decay, the unit of the groups' weight decays (section 5: 0.0005)."""
    label_smoothing: float = ranged(0.0, low=0, below=1)
    """Part of each label's probability that the training loss spreads evenly over all classes; 0
    trains on the labels themselves, as the paper does. The validation loss is never smoothed.
    """
    groups: dict[str, GroupSpec | None] = field(default_factory=dict)
    """Groups by name; a later group overrides an earlier one, and null removes a group."""
    plateau: PlateauSpec = field(default_factory=PlateauSpec)
    """The rule behind `plateau` schedules."""
