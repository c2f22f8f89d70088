"""Finding an input size at which the nets of a study have feature maps of the same sizes.

Section 3.4 compares overlapping pooling with windows of 2 that "produce output of equivalent
dimensions", which holds for feature maps of 55, 27 and 13 positions. If the number of positions is
even, windows of 2 give one position more than windows of 3, and the fully-connected layers get more
weights: the nets would differ in more than their pooling.
"""

from collections.abc import Sequence
from dataclasses import replace

from alexcli.errors import UsageError
from alexcli.model.shapes import trace
from alexcli.schema import ModelSpec

MOST_PIXELS_APART = 16
"""Largest change of the input, in pixels, that still counts as the same setting."""


def equal_maps_size(models: Sequence[ModelSpec], largest: int) -> int | None:
    """The nearest input size at which all feature maps of the nets have the same sizes.

    Args:
        models: nets with the same layers, for inputs of one size.
        largest: side of the images in pixels.

    Returns:
        Side in pixels, at most `largest`; None if there is none near the nets' own input.

    Raises:
        UsageError: a net cannot be built for its own input.
    """
    size = models[0].input.size
    if _maps_are_equal(models, size):
        return size
    for distance in range(1, MOST_PIXELS_APART):
        for candidate in (size - distance, size + distance):
            if 0 < candidate <= largest and _maps_are_equal_if_built(models, candidate):
                return candidate
    return None


def _maps_are_equal_if_built(models: Sequence[ModelSpec], size: int) -> bool:
    """Like `_maps_are_equal`, but False if a window is larger than its input."""
    try:
        return _maps_are_equal(models, size)
    except UsageError:
        return False


def _maps_are_equal(models: Sequence[ModelSpec], size: int) -> bool:
    """Whether all feature maps of the nets have the same sizes for inputs of `size` pixels."""
    resized = [replace(model, input=replace(model.input, size=size)) for model in models]
    sizes = {tuple(shape.end_size for shape in trace(model)) for model in resized}
    return len(sizes) == 1
