"""The results of commands, in the form from which text, files and figures are made."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from alexcli.records.prediction import ImagePrediction
from alexcli.tables import Table

if TYPE_CHECKING:  # numpy would slow down --help
    import numpy as np
    import numpy.typing as npt


@dataclass
class Line:
    """A curve, with or without a band around it. All sequences have the same length."""

    x: Sequence[Any]
    """Numbers, or the names of layers."""
    y: Sequence[float]
    """The curve."""
    low: Sequence[float] | None = None
    """Lower edge of the band; None for a curve without one."""
    high: Sequence[float] | None = None
    """Upper edge of the band."""


@dataclass
class Level:
    """A horizontal line across a panel of curves."""

    y: float
    """Its position on the vertical axis."""
    label: str
    """Its name in the legend."""


@dataclass
class LinesPanel:
    """Curves over one axis."""

    lines: dict[str, Line]
    """By their names in the legend."""
    x_label: str
    """The quantity that runs across, with its unit."""
    y_label: str
    """The quantity that runs upwards, with its unit."""
    title: str = ""
    """Shown above the panel."""
    log_x: bool = False
    """Whether the horizontal axis is logarithmic: to base 2, with ticks at the points if few."""
    log_y: bool = False
    """Whether the vertical axis is logarithmic, to base 10."""
    level: Level | None = None
    """A horizontal line, such as a threshold."""
    y_unit: Literal["", "percent", "bytes"] = ""
    """How the vertical axis is numbered: fractions as percent, bytes as kB, MB ..."""


@dataclass
class MultiplesPanel:
    """Small panels of the same two quantities, such as one for each layer."""

    lines: dict[str, list[Line]]
    """Lines by the title of each small panel, in one colour, with bands nested in each other."""
    x_label: str
    """The quantity that runs across, with its unit."""
    y_label: str
    """The quantity that runs upwards, with its unit."""
    title: str = ""
    """Shown above all of them."""
    y_unit: Literal["", "percent"] = ""
    """How the vertical axes are numbered; in percent, all are the same and begin at 0."""


@dataclass
class ForestRow:
    """An arm of a study in a forest plot."""

    label: str
    """Its name."""
    mean: float | None
    """The difference; None if none was measured."""
    low: float | None
    """Lower end of its interval; None without one."""
    high: float | None
    """Upper end of the same interval."""
    values: Sequence[float]
    """The differences of the individual seeds."""
    claim: float | None
    """The claimed difference, if it is a number."""
    margin: float | None
    """Half of the width of the band of differences that count as none."""
    verdict: str
    """The verdict in words."""
    median: tuple[float, float, float] | None = None
    """The median of the seeds, and the ends of its interval, if a few seeds dominate the mean."""
    bound: str | None = None
    """`above` or `below` if the difference is only known to lie on that side of `mean`."""


@dataclass
class ForestPanel:
    """Differences with their intervals, one below another."""

    rows: list[ForestRow]
    """From top to bottom."""
    x_label: str
    """The quantity that runs across, with its unit."""
    zero: float
    """Where there is no difference: 0, or 1 for ratios."""
    title: str = ""
    """Shown above the panel."""
    log_x: bool = False
    """Whether the axis is logarithmic: for ratios."""
    limit: float | None = None
    """How far from `zero` a linear axis may reach; what lies beyond is drawn as an arrow."""


@dataclass
class TilesPanel:
    """Rows of small images of one size."""

    tiles: "npt.NDArray[np.uint8]"
    """(R, C, H, W, 3) uint8: R rows of C images."""
    captions: list[str] = field(default_factory=list)
    """Text above each tile, row by row; if there are fewer than tiles, the last ones have none."""
    title: str = ""
    """Shown above the panel."""
    inches: float | None = None
    """Side of a tile; None chooses it by the number of tiles in a row."""
    wrong: list[bool] = field(default_factory=list)
    """Whether each caption names something wrong; empty if none does."""


@dataclass
class ScatterPanel:
    """Points in a plane without units: as dots in the colours of their classes, or as images."""

    x: Sequence[float]
    """Across, one for each point."""
    y: Sequence[float]
    """Upwards."""
    classes: Sequence[str]
    """Readable name of the class of each point."""
    images: "npt.NDArray[np.uint8] | None" = None
    """(N, S, S, 3) uint8, drawn in place of the dots."""
    title: str = ""
    """Shown above the panel."""


@dataclass
class MatrixPanel:
    """A confusion matrix."""

    counts: "npt.NDArray[np.int64]"
    """(K, K) counts: a row for each label, a column for each predicted class."""
    classes: list[str]
    """Names of the K classes."""
    x_label: str
    """What the columns are."""
    y_label: str
    """What the rows are."""
    title: str = ""
    """Shown above the panel."""


@dataclass
class Box:
    """A cuboid: one tower's share of a layer."""

    x: float
    """Left edge of its front."""
    y: float
    """Vertical centre of its front."""
    width: float
    """Extent across."""
    height: float
    """Extent upwards."""
    depth: float
    """Extent away from the reader; 0 for a flat box."""
    tower: int
    """The tower, from 0; -1 for the image, which belongs to none."""
    pooled: bool = False
    """Whether these are the pooled feature maps of the layer before."""


@dataclass
class Arrow:
    """A connection between two boxes."""

    start: tuple[float, float]
    """Where it starts: x, y."""
    end: tuple[float, float]
    """Where its head is: x, y."""
    crosses: bool
    """Whether it goes from one tower to another."""


@dataclass
class Label:
    """A text, centred on a point."""

    x: float
    """Across."""
    y: float
    """Upwards."""
    text: str
    """One line or several."""


@dataclass
class BoxesPanel:
    """A diagram of a net, in units of its input image's side; x runs across and y upwards."""

    width: float
    """Extent of the whole diagram."""
    height: float
    """Extent of the whole diagram."""
    slope: float
    """Length on paper of an edge of length 1 that leads away from the reader."""
    boxes: list[Box]
    """The image, then the layers in the order of the forward pass."""
    arrows: list[Arrow]
    """What the layers read."""
    labels: list[Label]
    """Names, kernels and sizes of the layers."""


@dataclass
class PredictionsPanel:
    """Images with the most likely labels of each, as in the paper's Figure 4 (left)."""

    predictions: Sequence[ImagePrediction]
    """One for each image."""


Panel = (
    LinesPanel
    | MultiplesPanel
    | ForestPanel
    | TilesPanel
    | ScatterPanel
    | MatrixPanel
    | BoxesPanel
    | PredictionsPanel
)
"""A part of a figure. A `PredictionsPanel` is a figure of its own."""


@dataclass
class Analysis:
    """The result of a command: for stdout, for files and as a figure."""

    title: str
    """Shown above the figure."""
    tables: list[Table]
    """The numbers, the most important table first."""
    panels: Sequence[Panel] = ()
    """The figure; none for an analysis that draws nothing."""
    caption: str = ""
    """What the figure shows, and of which run."""
    data: Any = None
    """The content of json; None for that of the tables and curves."""
    arrays: dict[str, Any] = field(default_factory=dict)
    """The arrays of an npz file, by name."""
