"""The size of stored images relative to the crops that a net reads."""

PAPER_RATIO = 256 / 227
"""Side of a stored image over that of a crop (sections 2 and 4.1; 227, since conv1 fits it)."""
TINY_CROP = 32
"""Side of the crops that model=tiny is made for, pixels; for smaller ones there is tiny_cifar."""


def fitting_size(side: int) -> int:
    """The side of stored images, pixels, that keeps the paper's ratio to the crop.

    Args:
        side: of a crop, pixels.
    """
    return round(side * PAPER_RATIO)


def fitting_crop(size: int) -> int:
    """The side of a crop, pixels, that keeps the paper's ratio to the stored image.

    Args:
        size: side of a stored image, pixels.
    """
    return max(1, round(size / PAPER_RATIO))


def small_net(size: int) -> list[str]:
    """The overrides of a reduced net for stored images that are too small for the paper's.

    Args:
        size: side of a stored image, pixels.
    """
    crop = fitting_crop(size)
    name = "tiny" if crop >= TINY_CROP else "tiny_cifar"
    return [f"model={name}", f"model.input.size={crop}"]
