"""The size of stored images relative to the crops that a net reads."""

PAPER_RATIO = 256 / 227
"""Side of a stored image over that of a crop (sections 2 and 4.1; 227, since conv1 fits it)."""


def fitting_size(side: int) -> int:
    """The side of stored images, pixels, that keeps the paper's ratio to the crop.

    Args:
        side: of a crop, pixels.
    """
    return round(side * PAPER_RATIO)
