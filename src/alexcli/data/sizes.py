"""How large stored images are beside the crops that a net reads."""

PAPER_RATIO = 256 / 227
"""Side of a stored image by that of a crop (sections 2 and 4.1; 227, since conv1 fits it)."""


def fitting_size(side: int) -> int:
    """The side of stored images of which crops show as much as the paper's, pixels.

    Args:
        side: of a crop, pixels.
    """
    return round(side * PAPER_RATIO)
