"""Keys of the ledger of claims, claims/claims.yaml."""

from dataclasses import dataclass, field
from enum import StrEnum

from alexcli.schema.ranges import MISSING, ranged

Place = StrEnum("Place", ["paper", "smaller"])
"""Whether a measurement was made in the claim's own setting, or in a smaller one."""


@dataclass
class EvidenceSpec:
    """Where a measurement of a claim is found: exactly one of count, study and value."""

    count: str | None = None
    """MODEL/QUANTITY or MODEL/LAYER/QUANTITY, counted from the net's layers: neurons, params, macs,
    share (the layer's part of all parameters), or inputs (numbers of an image).
    """
    study: str | None = None
    """A file of results/ablations without its ending, then the arm: lrn-plain/without."""
    metric: str | None = None
    """The study's metric to show, if it is not the one that its verdict is about: top5_err."""
    value: str | None = None
    """A json file of results and the path to a number in it: training/cifar_26.json/epochs.
    A part NAME=VALUE chooses the entry of a list whose NAME has that value.
    """
    spread: str | None = None
    """Where `value` is the mean of n runs: the name of the number beside it that is their standard
    deviation. `form` then takes the mean and the two ends of its 95% interval.
    """
    form: str = "{:,.0f}"
    """How a number is written, as str.format takes it: {:,.0f}, {:.2%}."""
    setting: str = ""
    """The setting in which `value` was measured; for a study, what its setting leaves open, e.g.
    the arm.
    """
    n: int | None = None
    """Runs behind `value`."""
    place: Place = Place.smaller
    """paper: the claim's own setting; smaller: another, easier one."""


@dataclass
class ClaimSpec:
    """A quantitative statement."""

    section: str = MISSING
    """Section of the paper, or experiment of the lab notes."""
    claim: str = MISSING
    """The statement in a sentence."""
    paper: str = ""
    """The paper's number with its unit; empty where the paper has none."""
    notes: str = ""
    """The lab notes' number; empty where they have none."""
    command: str = MISSING
    """The command that tests it; DIR stands for a folder of data."""
    trainings: int = ranged(0, low=0)
    """Number of ILSVRC trainings that the command takes, for a study with four seeds; their
    duration is computed from the measured time of a step.
    """
    cost: str = ""
    """How long the command takes, and on what hardware; with `trainings`, what follows them."""
    evidence: list[EvidenceSpec] = field(default_factory=list)
    """What was measured here; empty for a claim that was not measured."""
    remark: str = ""
    """What a reader of the row must know."""
    brief: bool = False
    """Whether it is a row of the README's table."""


@dataclass
class LedgerSpec:
    """The whole file."""

    claims: dict[str, ClaimSpec] = field(default_factory=dict)
    """By the names that `alexcli claims` takes."""
