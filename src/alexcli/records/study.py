"""The results of an ablation."""

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Difference:
    """An arm minus the baseline, averaged over seeds; for `epochs`, their ratio."""

    metric: str
    mean: float | None
    """A fraction for errors; None if it was not measured."""
    low: float | None
    """Lower end of the 95% interval, paired by seed; None with a single seed."""
    high: float | None
    """Upper end of the same interval."""
    seeds: int
    """Pairs that were compared."""
    paper: Any
    """What the paper claims: a fraction, a ratio, `higher`, `lower` or None."""
    notes: Any
    """What the authors' lab notes say, likewise."""
    verdict: str
    """agrees, opposite, equivalent or undecided; higher or lower if nothing is claimed; a dash for
    a metric that the study is not about.
    """
    reason: str = ""
    """The reason for the verdict, if it needs one."""
    margin: float | None = None
    """Differences up to this count as none: a fraction, or a factor above 1 for `epochs`."""
    bound: str | None = None
    """`above` or `below` if some seeds did not reach the threshold, so that the true value is above
    or below `mean`.
    """
    correlation: float | None = None
    """Correlation of arm and baseline over the seeds; None with fewer than three pairs."""
    pairing_gain: float | None = None
    """Variance of an unpaired difference over that of the paired one: above 1, pairing helped."""
    by_seed: list[float] = field(default_factory=list)
    """The differences, or ratios, behind the mean; for an ensemble, one for each group of nets."""
    p_difference: float | None = None
    """Two-sided p-value of the hypothesis of no difference in the mean: Student's t."""
    p_ranks: float | None = None
    """Two-sided p-value of differences symmetric about zero: Wilcoxon's signed-rank test."""
    p_equivalence: float | None = None
    """p-value of a difference beyond the margin: the larger of two one-sided tests (TOST)."""


@dataclass
class Precision:
    """How precisely the differences of a study were to be measured, and what that would take."""

    wanted: float
    """Half of the interval's width: a fraction; for `epochs`, of the ratio."""
    reached: float | None
    """The largest half-width of the arms; None if there is no interval."""
    seeds_wanted: int | None
    """Seeds that the wanted precision would take; None if it is reached."""
    minutes_wanted: float | None
    """About how many more minutes those would take here."""


@dataclass
class ArmResult:
    """The results of an arm's runs."""

    name: str
    changes: list[str]
    """`key: the baseline's value -> its own`."""
    command: str
    """The command that repeats it, without the seed."""
    values: dict[str, dict[int, float | None]]
    """Metric -> seed -> value."""
    differences: list[Difference]
    """By metric; none for the baseline."""
    runs: list[str]
    """Run directories."""
    not_learned: list[int] = field(default_factory=list)
    """Seeds whose net hardly did better than guessing: its error is at least 95% of chance's."""


@dataclass
class ReusedRecord:
    """A recorded study whose runs were not trained again."""

    file: str
    """Its name."""
    runs: int
    """How many of its runs were taken."""
    command: str
    """The command that measured it."""
    on: dict[str, Any]
    """The machine and the versions; see run.environment.describe_environment."""
    earlier: list[dict[str, Any]] = field(default_factory=list)
    """The records that it had reused itself."""


@dataclass
class StudyResult:
    """A study with its claim beside the measurement; `arms` begins with the baseline."""

    name: str
    about: str
    """The study's question."""
    claim: str
    """Where the paper and the notes make the claim."""
    metric: str
    """The metric of the verdict."""
    threshold: float | None
    """The training error up to which epochs are counted, for `epochs` only."""
    setting: str
    """Model and data in a line."""
    n: int
    """Images that errors are measured on."""
    arms: list[ArmResult]
    missing: int
    """Runs that are not finished."""
    split: str = "val"
    """The images that errors are measured on: val, or test."""
    kind: str = "chosen"
    """plain or mechanism, the study's settings on embedded images; chosen by the user otherwise."""
    label: str = "chosen"
    """The baseline's label, which names a setting that the user has chosen."""
    mechanism: str = ""
    """Why the effect can show in the setting `mechanism`."""
    precision: Precision | None = None
    """Present if the number of seeds followed from a wanted precision."""
    compared: int = 1
    """Number of comparisons in the whole table, for which its verdicts are corrected."""
    reused: list[ReusedRecord] = field(default_factory=list)
    """Records that some of the values come from."""

    @property
    def setting_name(self) -> str:
        """plain, mechanism, or the label of a setting that the user has chosen."""
        return self.label if self.kind == "chosen" else self.kind
