"""A net whose layers fit images of a size."""

from alexcli.config.compose import compose
from alexcli.data.sizes import fitting_crop, small_net
from alexcli.errors import UsageError
from alexcli.model.shapes import trace
from alexcli.schema import TrainSpec


def fitting_net(size: int) -> list[str] | None:
    """The overrides with which a net reads stored images; none if the default net does.

    Args:
        size: side of the stored images, pixels.

    Returns:
        Overrides of model; None if the images are too small for each of these nets.
    """
    candidates = [[], [f"model.input.size={fitting_crop(size)}"], small_net(size)]
    return next((overrides for overrides in candidates if _fits(overrides, size)), None)


def _fits(overrides: list[str], size: int) -> bool:
    """Whether a net reads images of a size, and each of its layers what the one before it gives."""
    model = compose(["data=store", *overrides], TrainSpec).model
    try:
        trace(model)
    except UsageError:
        return False
    return model.input.size <= size
