"""What commands return, and how a run speaks while it works. No torch here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:  # numpy would slow down --help
    import numpy as np
    import numpy.typing as npt

    Ints = npt.NDArray[np.int64]
    Floats = npt.NDArray[np.float32]


@dataclass
class EpochRow:
    """A line of metrics.jsonl. Errors are fractions, times seconds since the run began."""

    step: int
    """Updates made so far."""
    epoch: int
    """Counted from 1."""
    split: str
    """train (running mean over the epoch), train_eval (clean pass), val."""
    loss: float
    """Mean cross-entropy, nats."""
    top1_err: float
    """Fraction of pictures whose label is not the best guess."""
    top5_err: float | None
    """Fraction whose label is not among the best five; null with five classes or fewer."""
    lr: float
    """Learning rate of the first parameter group."""
    images_per_s: float
    """Pictures per second in this pass."""
    time: float
    """Seconds since the run began, over all its resumptions."""


class Reporter(Protocol):
    """Tells the user how a run goes; `render` draws it, and nothing under `run` prints."""

    def note(self, text: str) -> None:
        """One line of information."""

    def warn(self, text: str) -> None:
        """One line that should not be missed."""

    def counted(self, what: str, done: int, total: int) -> None:
        """Progress of a pass that is not training."""

    def step(self, row: EpochRow, epochs: int, steps: int) -> None:
        """Progress of training, a few times a second at most; `steps` are the run's."""

    def epoch(self, rows: list[EpochRow], epochs: int) -> None:
        """An epoch has ended."""

    def close(self) -> None:
        """The work is done or broken off: leave the terminal as it was."""


class Silent:
    """A Reporter that says nothing."""

    def note(self, *args: Any, **kwargs: Any) -> None:
        """Nothing."""

    warn = counted = step = epoch = close = note


@dataclass
class TrainResult:
    """What `train` did. `result` is the content of result.json."""

    directory: str
    result: dict[str, Any]
    skipped: bool
    """The run had been finished before."""


@dataclass
class Interval:
    """A confidence interval of a fraction."""

    level: float
    low: float
    high: float


@dataclass
class EvalResult:
    """One net on one split under one protocol. Errors are fractions."""

    name: str
    split: str
    protocol: dict[str, Any]
    """resize, crop, views."""
    n: int
    top1_err: float
    top5_err: float | None
    loss: float
    interval: dict[str, Interval | None]
    """Of top1_err and top5_err (Wilson)."""
    checkpoint: str = ""
    data: str = ""
    """Fingerprint of the data."""
    seconds: float = 0.0
    note: str | None = None
    """What a reader of the number must know."""
    calibration_error: float | None = None
    """Expected calibration error of the best guess, 15 bins (Guo et al. 2017)."""
    members: list[str] | None = None
    """Names of the nets whose softmax outputs are averaged; None for a single net."""
    per_class: list[dict[str, Any]] | None = None
    """On request, by class in order: {class, name, n, top1_err, confused: [{with, n}]}."""


@dataclass
class Predictions:
    """What a net, or an ensemble, said of every picture of a split; n pictures, K classes."""

    labels: "Ints"
    """(n,) int64."""
    top: "Ints"
    """(n, min(5, K)) int64, best guess first."""
    top_p: "Floats"
    """(n, min(5, K)) float32, their probabilities."""
    probabilities: "Floats | None" = None
    """(n, K) float32, on request."""


@dataclass
class Evaluation:
    """Rows and, beside them, what was said of every picture."""

    results: list[EvalResult]
    predictions: list[Predictions]
    ids: list[str]
    """Of the pictures: files under the split's folder, or positions."""
    classes: list[str]
    """In the order of the outputs, as the data has them (WNIDs of ImageNet)."""
    names: list[str]
    """Words for people, in the same order."""


@dataclass
class Guess:
    """A class and its probability."""

    class_: str
    """As the data has it (a WNID of ImageNet)."""
    name: str
    """For people."""
    p: float


@dataclass
class Prediction:
    """What a net sees in one picture, best guess first."""

    file: str
    guesses: list[Guess]
    label: str | None
    """The true class, where it is known."""
    label_name: str | None
    picture: Any = None
    """(S, S, 3) uint8, where `file` is none that can be opened."""


@dataclass
class Measured:
    """A figure of a benchmark, beside its rival's in the same run."""

    name: str
    against: str | None
    value: float
    """Median of ours."""
    unit: str
    ratio_median: float | None
    """Above 1: ours is better."""
    ratio_min: float | None
    ratio_max: float | None
    n: int
    """Alternations."""


@dataclass
class Difference:
    """Of an arm to the baseline, the mean over seeds; a ratio for `epochs`."""

    metric: str
    mean: float | None
    low: float | None
    """95% interval, paired by seed; None with a single seed."""
    high: float | None
    seeds: int
    """Pairs that were compared."""
    paper: Any
    notes: Any
    verdict: str


@dataclass
class ArmResult:
    """What the runs of an arm reached."""

    name: str
    changes: list[str]
    """`key: baseline's -> its own`."""
    command: str
    """That repeats it, but for the seed."""
    values: dict[str, dict[int, float | None]]
    """Metric -> seed -> value."""
    differences: list[Difference]
    runs: list[str]
    """Directories."""


@dataclass
class StudyResult:
    """A study with its claim beside the measurement; `arms` begins with the baseline."""

    name: str
    about: str
    claim: str
    metric: str
    threshold: float | None
    setting: str
    """Model and data."""
    n: int
    """Pictures that errors are measured on."""
    arms: list[ArmResult]
    missing: int
    """Runs that are not finished."""


@dataclass
class Table:
    """Rows for people and for machines: `columns` are names, cells numbers, words or None."""

    title: str
    columns: list[str]
    rows: list[list[Any]]
    total: list[Any] | None = None
    note: str | None = None
    exact: "Table | None" = None
    """What csv has in its place, where people read percent and words."""
    aside: bool = False
    """Too long for a terminal: only --out writes it."""

    @classmethod
    def of(
        cls, title: str, records: Sequence[Mapping[str, Any]], note: str | None = None
    ) -> "Table":
        """A row for each record; all have the same keys, which are the columns."""
        return cls(title, list(records[0]), [list(one.values()) for one in records], note=note)

    def all_rows(self) -> list[list[Any]]:
        """With the total."""
        return [*self.rows, *([self.total] if self.total else [])]

    def records(self) -> list[dict[str, Any]]:
        """All rows by column."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.all_rows()]


@dataclass
class Panel:
    """A drawing, with all that is drawn in it.

    | kind    | data                                                                          |
    |---------|-------------------------------------------------------------------------------|
    | lines   | {name: {x, y, and low and high of a band}}                                    |
    | tiles   | (R, C, H, W, 3) uint8, R rows of C pictures; `columns`: words above each tile |
    | matrix  | (K, K) counts, row the label; `columns`: names of the classes                 |
    | boxes   | see analysis/architecture.py                                                  |
    | guesses | [Prediction], which are a figure of their own                                 |
    """

    kind: str
    title: str
    data: Any
    x: str = ""
    """What runs across, with its unit."""
    y: str = ""
    """What runs upwards, with its unit."""
    columns: list[str] = field(default_factory=list)
    log: str = ""
    """Axes of lines with a logarithmic scale: x, y or xy."""
    level: tuple[float, str] | None = None
    """A horizontal line, and its name."""
    inches: float | None = None
    """Side of a tile; None: as small as serves many."""


@dataclass
class Analysis:
    """What a command found: for stdout, for files and as a figure."""

    title: str
    tables: list[Table]
    panels: list[Panel] = field(default_factory=list)
    caption: str = ""
    """What the figure shows, and of which run."""
    data: Any = None
    """What json prints; None stands for the tables."""
    arrays: dict[str, Any] = field(default_factory=dict)
    """What npz holds."""
