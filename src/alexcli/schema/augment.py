"""Keys of the group `augment`: what the net sees of a stored image."""

from dataclasses import dataclass, field
from enum import StrEnum

from alexcli.schema.ranges import ranged

Crop = StrEnum("Crop", ["random", "center", "random_resized"])
"""Which part of a stored image the net sees in training: `random` takes a random place (section
4.1), `center` the centre, and `random_resized` a random size and place (torchvision's
RandomResizedCrop, for comparison).
"""

Mean = StrEnum("Mean", ["image", "channel", "none"])
"""What is subtracted: the training set's mean image, its channel means, or nothing."""

MeanCrop = StrEnum("MeanCrop", ["same", "center"])
"""Which part of the mean image is subtracted from a random crop: the part at the `same` place
(paper) or the `center` (2012 code).
"""

PcaScale = StrEnum("PcaScale", ["stdev", "eigenvalue"])
"""Length of the colour noise along each principal component: its standard deviation (`stdev`, 2012
code) or its `eigenvalue` (section 4.1 taken literally).
"""


@dataclass
class PcaSpec:
    """Colour noise along the principal components of RGB, drawn anew each time an image is seen
    (section 4.1).
    """

    sigma: float = ranged(0.1, low=0)
    """Standard deviation of the random factor (section 4.1: 0.1); 0 turns the noise off."""
    scale: PcaScale = PcaScale.stdev
    """What the factor multiplies: stdev, or eigenvalue, which gives noise of hundreds of grey
    levels on 0-255 pixels.
    """
    divide: bool = False
    """Whether a noisy image is divided by 1 + sigma, as in the 2012 code."""
    last_epoch: int | None = ranged(None, low=0)
    """Last epoch with noise (2012 code #145: 66); null means that all epochs have it."""


@dataclass
class AugmentSpec:
    """From a stored uint8 image to the net's input (sections 2 and 4.1)."""

    crop: Crop = Crop.random
    """Crop in training: random, center or random_resized; validation always takes the centre."""
    horizontal_flip: bool = True
    """Whether training images are reflected horizontally with probability one half."""
    images_per_crop: int = ranged(1, low=1)
    """Consecutive images that share one crop and reflection (section 4.1: 1; 2012 code: 32)."""
    mean: Mean = Mean.image
    """What is subtracted: image (section 2: the mean activity of each pixel), channel or none."""
    mean_crop: MeanCrop = MeanCrop.same
    """Part of the mean image that is subtracted from a random crop: same or center."""
    pixel_scale: float = ranged(1.0, above=0)
    """Factor applied to the pixels after the mean is subtracted; 1 keeps the 0-255 scale of the
    paper and the 2012 code.
    """
    channel_std: list[float] | None = None
    """Divisor of each channel, grey levels (torchvision: 255 times its constants); null does not
    divide.
    """
    pca: PcaSpec = field(default_factory=PcaSpec)
    """The colour noise."""
