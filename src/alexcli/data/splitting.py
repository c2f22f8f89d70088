"""Splitting a validation set off a training set."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from alexcli.data.arrays import LabelArray
from alexcli.errors import plural


def random_split(count: int, fraction: float, seed: int) -> npt.NDArray[np.bool_]:
    """Choose the validation set as a fraction of all images, regardless of class.

    Args:
        count: number of images.
        fraction: of the validation set.
        seed: of the choice.

    Returns:
        (count,) bool.
    """
    order = np.random.default_rng(seed).permutation(count)
    in_val = np.zeros(count, dtype=np.bool_)
    in_val[order[: round(fraction * count)]] = True
    return in_val


def stratified_split(
    labels: LabelArray, classes: Sequence[str], fraction: float, seed: int
) -> tuple[npt.NDArray[np.bool_], str | None]:
    """Choose the validation set as a fraction of each class.

    A class of two or more images has at least one in each of the two sets; a single image stays in
    the training set.

    Args:
        labels: (N,) the class of each image.
        classes: their names.
        fraction: of the validation set.
        seed: of the choice.

    Returns:
        (N,) bool, and a warning about classes that are too small for the fraction, or None.
    """
    rng = np.random.default_rng(seed)
    in_val = np.zeros(len(labels), dtype=np.bool_)
    sizes = np.bincount(labels, minlength=len(classes))
    single = []
    small = []
    for label, (name, size) in enumerate(zip(classes, sizes.tolist(), strict=True)):
        rounded = round(fraction * size)
        count = max(0, min(max(rounded, 1), size - 1))
        chosen = rng.permutation(np.flatnonzero(labels == label))[:count]
        in_val[chosen] = True
        if size == 1:
            single.append(name)
        elif count != rounded:
            small.append(name)
    warnings = []
    if single:
        warnings.append(_described(single, "one image, which stays in the training set"))
    if small:
        warning = "too few images for this fraction with at least one in each set"
        warnings.append(_described(small, warning))
    return in_val, "; ".join(warnings) or None


def _described(names: Sequence[str], what: str) -> str:
    """A statement about some classes, with the first of their names."""
    examples = ", ".join([*names[:3], "..."] if len(names) > 3 else names)
    verb = "has" if len(names) == 1 else "have"
    return f"{plural(len(names), 'class')} ({examples}) {verb} {what}"
