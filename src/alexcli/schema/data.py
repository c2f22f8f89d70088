"""Keys of the group `data`: which images, and how a file becomes a square."""

from dataclasses import dataclass, field
from enum import StrEnum

from alexcli.schema.ranges import MISSING, ranged

Source = StrEnum("Source", ["synthetic", "cifar10", "cifar100", "imagenette", "folder", "store"])
"""Where images come from."""

OnError = StrEnum("OnError", ["fail", "skip"])
"""What happens to an image that cannot be decoded: `fail` stops the run and names it, `skip` leaves
it out and counts it.
"""

Resize = StrEnum("Resize", ["shorter", "torchvision", "warp"])
"""How a photograph becomes a square.

`shorter` resizes its shorter side and cuts out the centre (section 2); neither paper nor code
says how the longer side and the centre's corner are rounded: here the side to the nearest pixel,
the corner down. `torchvision` does the same with that library's rounding (Resize, then
CenterCrop): the side down, the corner to the nearest pixel, halves to even. `warp` squeezes the
whole image into the square, as Caffe does.
"""

DEFAULT_MAX_PIXELS = 89_478_485
"""Pillow's own limit: 256 MB of 24-bit pixels."""

Split = StrEnum("Split", ["random", "stratified"])
"""Which training images `data.val` splits off: any at `random`, or the fraction of each class."""

Kernel = StrEnum("Kernel", ["bilinear", "bicubic", "lanczos", "box"])
"""Antialiased filter of the resizing; neither the paper nor the 2012 code names one."""


@dataclass
class SceneSpec:
    """synthetic: how the scenes are lit, and how those of validation and test differ from those of
    training. The keys exist for studies of a mechanism; null means the same as in training.
    """

    noise: float = ranged(10.0, low=0, high=127)
    """Largest deviation of a pixel caused by noise, grey levels."""
    contrast: list[float] = field(default_factory=lambda: [1.0, 1.0])
    """Smallest and largest factor by which a training image's distance from mid-grey is multiplied.
    """
    held_out_contrast: list[float] | None = None
    """The same for validation and test."""
    illuminant: float = ranged(0.0, low=0, high=1)
    """Largest change of the light in each channel of a training image, a fraction."""
    held_out_illuminant: float | None = ranged(None, low=0, high=1)
    """The same for validation and test."""
    grid: int = ranged(0, low=0)
    """Objects in training images are placed at multiples of this many pixels; 0 places them
    anywhere.
    """
    held_out_grid: int | None = ranged(None, low=0)
    """The same for validation and test."""


@dataclass
class DataSpec:
    """The images of a run."""

    source: Source = MISSING
    """synthetic (embedded), cifar10, cifar100, imagenette, folder (train/CLASS/* and val/CLASS/*),
    or store (made by `alexcli data prepare`; every source but synthetic accepts one as `root`).
    """
    root: str | None = None
    """Folder of the images, or URL of a store; not part of a run's fingerprint."""
    size: int = ranged(256, low=1)
    """Side of the square that an image becomes, pixels (section 2: 256); a store has its own."""
    resize: Resize = Resize.shorter
    """How an image becomes a square: shorter, torchvision or warp."""
    kernel: Kernel = Kernel.bilinear
    """Filter of the resizing."""
    val_labels: str | None = None
    """File with the labels of a flat folder `val`; null finds the devkit's, Kaggle's or Caffe's."""
    val: str = "folder"
    """`folder` (the validation set that comes with the data), the fraction of the training set that
    is split off, or `test`, for data without `val`: model selection then uses the test set, and the
    result says so.
    """
    split: Split = Split.random
    """How a fraction `data.val` is split off: from all images at random, or from each class
    (stratified).
    """
    split_seed: int = 0
    """Seed of the split."""
    download: bool = False
    """Whether torchvision may download (cifar10, cifar100, imagenette)."""
    window: int = ranged(16, low=1)
    """Remote store: number of chunks among which images are shuffled; a local store is shuffled as
    a whole.
    """
    check_chunks: bool = True
    """Store: whether each chunk is compared with its checksum when it is first read."""
    on_error: OnError = OnError.fail
    """What happens to an image that cannot be decoded: fail or skip."""
    max_pixels: int = ranged(DEFAULT_MAX_PIXELS, low=1)
    """Largest number of pixels of an image file; a larger one is refused before it is decoded."""
    depth: int | None = ranged(None, low=8, high=16)
    """Bits per gray value if more than 8, such as 12 for a camera whose files have 16; null means
    16.
    """
    workers: int = ranged(0, low=0)
    """Number of loader processes; the pixels do not depend on it."""
    train_count: int = ranged(5000, low=10)
    """synthetic: number of training images."""
    val_count: int = ranged(1000, low=10)
    """synthetic: number of validation images."""
    test_count: int = ranged(20000, low=10)
    """synthetic: number of test images, which are generated only when needed."""
    seed: int = 0
    """synthetic: seed of the images."""
    scene: SceneSpec = field(default_factory=SceneSpec)
    """synthetic: how the images are lit."""
