"""Keys of `alexcli analyze`."""

from dataclasses import dataclass, field
from enum import StrEnum

from alexcli.schema.model import ModelSpec
from alexcli.schema.ranges import ranged

LINKS = {"pcie2": 8.0, "nvlink": 450.0, "eth100": 12.5}
"""Specified speeds, in GB/s each way: PCIe 2.0 x16 as in 2012, NVLink 4 of an H100 (900 GB/s over
both directions), 100 Gb Ethernet. Measured ones usually reach 70 to 90% of these.
"""


LayerPoint = StrEnum("LayerPoint", ["product", "activation", "output"])
"""Where a layer's outputs are taken: `product`, before its activation; `activation`, right after
it; `output`, after all that follows (norm, pooling, dropout's factor): what the next layer reads.
"""


Classifier = StrEnum("Classifier", ["logistic", "svm"])
"""Softmax regression, or the squared hinge loss of each class against the others (L2-SVM)."""


@dataclass
class TrafficSpec:
    """What `alexcli analyze traffic` compares."""

    batches: list[int] = field(default_factory=lambda: [128, 8192])
    """Global batch sizes: that of section 5, and one that 4,096 devices can share."""
    devices: list[int] = field(default_factory=lambda: [2, 4, 8, 64, 512, 4096])
    """Numbers of devices, for the placements that can use any number."""
    links: dict[str, float] = field(default_factory=LINKS.copy)
    """Name of a link -> its speed in GB/s each way."""


@dataclass
class RangeTestSpec:
    """The learning rates of `alexcli analyze lr`, which grow by the same factor at each update."""

    low: float = ranged(1e-5, above=0)
    """The first learning rate, a value of `optim.lr`."""
    high: float = ranged(1.0, above=0)
    """The last learning rate."""
    steps: int = ranged(100, low=10)
    """Number of updates."""


@dataclass
class AnalyzeSpec:
    """What an analysis needs to know besides a run. A docstring begins with the analyses that read
    the key.
    """

    model: ModelSpec = field(default_factory=ModelSpec)
    """params, traffic, architecture: the net."""
    traffic: TrafficSpec = field(default_factory=TrafficSpec)
    """traffic: what it compares."""
    batch: int = ranged(128, low=1)
    """params: batch size, for the memory of the activations (section 5: 128)."""
    layer: str | None = None
    """filters, selectivity, maps, neighbors, codes, gradcam, probe, embedding: name of the layer;
    null takes the layer of the paper's figure.
    """
    at: LayerPoint = LayerPoint.output
    """probe, embedding: where the layer's outputs are taken: product, activation or output."""
    images: str | None = None
    """examples, predictions, neighbors, saliency, gradcam, occlusion, maps, init, units, probe,
    embedding: an image, or a folder of images; null takes held-out images of the run's own data.
    For probe and embedding a folder of class folders, with or without train/ and val/ above them.
    """
    count: int = ranged(8, low=1)
    """examples, predictions, neighbors, saliency, gradcam, occlusion, maps, init, units: number of
    images; for examples 200 if it is not set.
    """
    patch: int | None = ranged(None, low=1)
    """occlusion: side of the covering square, pixels; null takes a sixth of the image's side."""
    nearest: int = ranged(6, low=1)
    """neighbors, codes: nearest neighbours of an image (Figure 4: 6)."""
    bits: list[int] = field(default_factory=lambda: [8, 16, 32, 64, 128])
    """codes: lengths of the binary codes, in bits; multiples of 8."""
    sample: int = ranged(20_000, low=2)
    """codes, probe: largest number of training images, on which the auto-encoder or the classifier
    is trained and among which neighbours are searched.
    """
    per_class: int | None = ranged(None, low=2)
    """probe: largest number of training images per class (Donahue et al. 2014: 30); null takes all.
    """
    classifier: Classifier = Classifier.logistic
    """probe: logistic or svm."""
    points: int = ranged(1000, low=5)
    """embedding: largest number of held-out images."""
    perplexity: float = ranged(30.0, above=0)
    """embedding: roughly how many neighbours count for each image (van der Maaten and Hinton 2008:
    5 to 50).
    """
    thumbnails: bool = False
    """embedding: whether images are drawn instead of dots."""
    split: str = "val"
    """curves: train, train_eval or val."""
    against: str = "epoch"
    """curves: the horizontal axis: epoch, step or time."""
    threshold: float | None = ranged(None, above=0, below=1)
    """curves: an error as a fraction (Figure 1: 0.25); the table shows when runs reach it."""
    range_test: RangeTestSpec = field(default_factory=RangeTestSpec)
    """lr: the rates that are tried."""
