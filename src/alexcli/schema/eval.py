"""Keys of the group `eval`: how a net is evaluated."""

from dataclasses import dataclass

from alexcli.schema.ranges import ranged


@dataclass
class EvalSpec:
    """How a net is evaluated."""

    batch_size: int = ranged(128, low=1)
    """Number of images decoded together; ten-crop makes ten views of each."""
    max_batch: int = ranged(128, low=1)
    """Highest number of views per forward pass, which bounds the memory; it is halved while a GPU
    runs out of memory.
    """
    test_at_end: bool = False
    """Measure the test error once when training is finished; it is used for nothing else. Nothing
    is measured without a test set that differs from `val`.
    """
