"""Keys of the groups `data`, `augment` and `eval`: pictures, and what the net sees of them."""

from dataclasses import dataclass, field
from enum import StrEnum

from omegaconf import MISSING

from alexcli.schema.ranges import ranged

Source = StrEnum("Source", ["toy", "cifar10", "imagenette", "folder", "store"])
"""Where pictures come from."""

OnError = StrEnum("OnError", ["fail", "skip"])
"""What a picture that cannot be decoded does: stop the run, or be counted and left out."""

Resize = StrEnum("Resize", ["shorter", "warp"])
"""How a photograph becomes a square: `shorter` side to the size, then the centre (section 2),
or `warp`, which squashes the whole picture (Caffe's way).
"""

Kernel = StrEnum("Kernel", ["bilinear", "bicubic", "lanczos", "box"])
"""Filter of the resizing, antialiased; neither paper nor 2012 code names one."""

Encoding = StrEnum("Encoding", ["raw", "jpeg"])
"""How a store keeps a picture: `raw` bytes, or `jpeg` as the authors' batches did."""


@dataclass
class DataSpec:
    """The pictures."""

    source: Source = MISSING
    """toy (drawn, embedded), cifar10, imagenette, folder (train/CLASS/* and val/CLASS/*), or store,
    which `alexcli data prepare` makes and all but toy take.
    """
    root: str | None = None
    """Folder of the pictures, or URL of a store; not part of a run's fingerprint."""
    size: int = ranged(256, low=1)
    """Side of the square that a picture becomes, pixels (section 2: 256); a store knows it."""
    resize: Resize = Resize.shorter
    """Shorter side to `size` and the centre square, or warp."""
    kernel: Kernel = Kernel.bilinear
    """Filter of the resizing."""
    val_labels: str | None = None
    """Labels of a flat folder `val`; null finds the devkit's, Kaggle's or Caffe's list."""
    val: str = "folder"
    """`folder` (the held-out set that the data comes with) or a fraction of the training set, split
    by seed.
    """
    split_seed: int = 0
    """Seed of that split."""
    download: bool = False
    """Whether torchvision may download (cifar10, imagenette)."""
    window: int = ranged(16, low=1)
    """Remote store: chunks whose pictures are mixed; a local one is shuffled whole."""
    on_error: OnError = OnError.fail
    """A picture that cannot be decoded: fail (stop, naming it) or skip (count and report)."""
    workers: int = ranged(0, low=0)
    """Loader processes; the pixels do not depend on it."""
    train_count: int = ranged(5000, low=10)
    """toy: number of training pictures."""
    val_count: int = ranged(1000, low=10)
    """toy: number of validation pictures, and again of test pictures."""
    seed: int = 0
    """toy: seed of the drawing."""


Crop = StrEnum("Crop", ["random", "center", "random_resized"])
"""Which part of the stored picture the net sees in training: a random place (section 4.1), the
centre, or a random size and place (torchvision's RandomResizedCrop, for comparison).
"""

Mean = StrEnum("Mean", ["image", "channel", "none"])
"""What is subtracted: the training set's mean image, its channel means, or nothing."""

MeanCrop = StrEnum("MeanCrop", ["same", "center"])
"""Part of the mean image under a random crop: the `same` place (paper) or the `center` (2012
code).
"""

PcaScale = StrEnum("PcaScale", ["stdev", "eigenvalue"])
"""Length of the colour noise along each component: `stdev` (2012 code), `eigenvalue` (section
4.1, literal).
"""


@dataclass
class PcaSpec:
    """Colour noise along the principal components of RGB, one draw per picture and presentation
    (section 4.1).
    """

    sigma: float = ranged(0.1, low=0)
    """Standard deviation of the random factor (section 4.1: 0.1); 0 turns the noise off."""
    scale: PcaScale = PcaScale.stdev
    """What the factor multiplies. On 0-255 pixels `eigenvalue` means hundreds of grey levels."""
    divide: bool = False
    """Divide the noisy picture by 1 + sigma, as the 2012 code does while the noise is on."""
    last_epoch: int | None = ranged(None, low=0)
    """Last epoch with noise (2012 code #145: 66); null for all."""


@dataclass
class AugmentSpec:
    """From a stored uint8 picture to the net's input (sections 2 and 4.1)."""

    crop: Crop = Crop.random
    """Training crop; validation always takes the centre."""
    mirror: bool = True
    """Horizontal reflection with probability one half, in training."""
    shared: int = ranged(1, low=1)
    """Consecutive pictures that share one crop and reflection (section 4.1: 1; 2012 code: 32)."""
    mean: Mean = Mean.image
    """What is subtracted (section 2: the mean activity of each pixel)."""
    mean_crop: MeanCrop = MeanCrop.same
    """Part of the mean image that a random crop subtracts."""
    pixel_scale: float = ranged(1.0, above=0)
    """Multiplies the centred pixels; 1 keeps the 0-255 scale of paper and code."""
    channel_std: list[float] | None = None
    """Divides each channel, grey levels (torchvision: 255 times its constants); null: nothing."""
    pca: PcaSpec = field(default_factory=PcaSpec)
    """Colour noise."""


@dataclass
class EvalSpec:
    """How a net is evaluated."""

    batch_size: int = ranged(128, low=1)
    """Pictures decoded together; ten-crop makes ten views of each."""
    max_batch: int = ranged(128, low=1)
    """Views per forward pass at most, which bounds the memory; halved where a GPU's runs out."""


@dataclass
class PrepareSpec:
    """What `alexcli data prepare` makes of a source."""

    size: int = ranged(256, low=1)
    """Side of the stored square, pixels (section 2: 256)."""
    resize: Resize = Resize.shorter
    """Shorter side to `size` and the centre square, or warp."""
    kernel: Kernel = Kernel.bilinear
    """Filter of the resizing."""
    encoding: Encoding = Encoding.raw
    """raw (fastest; 197 kB a picture of 256 px) or jpeg (about a seventh of that)."""
    quality: int = ranged(95, low=1, high=100)
    """jpeg: Pillow's quality."""
    val_labels: str | None = None
    """Labels of a flat folder `val`; null finds the devkit's, Kaggle's or Caffe's list."""
    root: str | None = None
    """SOURCE given as a name: where torchvision's files are, or go."""
    download: bool = False
    """SOURCE given as a name: whether torchvision may download."""
    on_error: OnError = OnError.fail
    """A picture that cannot be decoded: fail (after reporting all) or skip."""
    processes: int | None = ranged(None, low=1)
    """Processes that decode; null for one a core."""
