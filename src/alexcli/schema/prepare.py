"""Keys of `alexcli data prepare`."""

from dataclasses import dataclass
from enum import StrEnum

from alexcli.schema.data import DEFAULT_MAX_PIXELS, Kernel, OnError, Resize
from alexcli.schema.ranges import ranged

Encoding = StrEnum("Encoding", ["raw", "jpeg"])
"""How a store holds an image: as `raw` pixels, or as `jpeg` like the authors' batches."""


@dataclass
class PrepareSpec:
    """How `alexcli data prepare` makes a store from a source."""

    size: int | None = ranged(None, low=1)
    """Side of the stored square, pixels; null means 256 (section 2), or 32 for CIFAR."""
    resize: Resize = Resize.shorter
    """How an image becomes a square: shorter, torchvision or warp."""
    kernel: Kernel = Kernel.bilinear
    """Filter of the resizing."""
    encoding: Encoding = Encoding.raw
    """raw (fastest; 197 kB for an image of 256 px) or jpeg (about a seventh of that)."""
    quality: int = ranged(95, low=1, high=100)
    """jpeg: quality on Pillow's scale."""
    val_labels: str | None = None
    """File with the labels of a flat folder `val`; null finds the devkit's, Kaggle's or Caffe's."""
    root: str | None = None
    """For a source given by name: folder of the files that torchvision downloads."""
    download: bool = False
    """For a source given by name: whether torchvision may download it."""
    on_error: OnError = OnError.fail
    """What happens to an image that cannot be decoded: fail (after all are listed) or skip."""
    max_pixels: int = ranged(DEFAULT_MAX_PIXELS, low=1)
    """Largest number of pixels of an image file; a larger one is refused before it is decoded."""
    depth: int | None = ranged(None, low=8, high=16)
    """Bits per gray value if more than 8, such as 12 for a camera whose files have 16; null means
    16.
    """
    processes: int | None = ranged(None, low=1)
    """Number of decoding processes; null takes one per core."""
