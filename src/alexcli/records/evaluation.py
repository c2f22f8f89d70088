"""What `evaluate` returns: errors of nets, and their predictions for every image.

Legend: n images of a split, K classes.
"""

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # numpy would slow down --help
    import numpy as np
    import numpy.typing as npt

    Ints = npt.NDArray[np.int64]
    Floats = npt.NDArray[np.float32]


@dataclass
class Interval:
    """A confidence interval of a fraction."""

    level: float
    """Probability that such an interval covers the true fraction."""
    low: float
    high: float


@dataclass
class EvalResult:
    """One net, or an ensemble, on one split under one protocol. Errors are fractions."""

    name: str
    """LABEL/DIRECTORY of the run, or `ensemble of N`."""
    split: str
    """`train`, `val` or `test`."""
    protocol: dict[str, Any]
    """`resize`: how the images were resized; `crop`: side of the net's input in pixels (a list if
    the nets of an ensemble differ); `views`: crops of an image that are averaged."""
    n: int
    """Images."""
    top1_err: float
    top5_err: float | None
    """None with five classes or fewer."""
    loss: float
    """Mean cross-entropy, nats."""
    interval: dict[str, Interval | None]
    """Wilson intervals of `top1_err` and `top5_err`."""
    checkpoint: str = ""
    """Path of the checkpoint; empty for an ensemble."""
    data: str = ""
    """Fingerprint of the data."""
    seconds: float = 0.0
    """Since the net's pass over the images began; for an ensemble, since the evaluation began."""
    note: str | None = None
    """What a reader of the errors must know about the data."""
    calibration_error: float | None = None
    """Expected calibration error of the most likely class, 15 bins (Guo et al. 2017)."""
    members: list[str] | None = None
    """Names of the nets whose softmax outputs are averaged; None for a single net."""
    per_class: list[dict[str, Any]] | None = None
    """On request, a row for each class in order: {class, name, n, top1_err, confused}; `confused`
    lists the classes that it was most often confused with: [{with, n}]."""
    extras: dict[str, float] = field(default_factory=dict)
    """Further numbers about the net (for an ensemble, about its first net) by name; json and csv
    show them beside the others."""

    def as_json(self) -> dict[str, Any]:
        """Its form in json: every field, and every extra number as a field."""
        fields = asdict(self)
        extras = fields.pop("extras")
        return {**fields, **extras}


@dataclass
class Predictions:
    """Predictions of a net, or of an ensemble, for every image of a split."""

    labels: "Ints"
    """(n,) int64."""
    top: "Ints"
    """(n, min(5, K)) int64, the most likely classes, best first."""
    top_p: "Floats"
    """(n, min(5, K)) float32, their probabilities."""
    probabilities: "Floats | None" = None
    """(n, K) float32, on request."""


@dataclass
class Evaluation:
    """Results and, for each of them, the predictions for every image."""

    results: list[EvalResult]
    predictions: list[Predictions] = field(repr=False)
    """In the order of `results`."""
    ids: list[str] = field(repr=False)
    """Names of the images: files under the split's folder, or positions."""
    classes: list[str] = field(repr=False)
    """In the order of the outputs, as the data has them (WNIDs of ImageNet)."""
    names: list[str] = field(repr=False)
    """Readable names of the classes, in the same order."""
