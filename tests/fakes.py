"""Tensors that have a device and no memory, so that tests can compute on GPUs that do not exist."""

import contextlib
from collections.abc import Iterator

from torch._subclasses import FakeTensorMode


@contextlib.contextmanager
def fake_tensors() -> Iterator[None]:
    """Every tensor made within the block has no memory.

    Moving a module swaps its parameters, which torch refuses while anything refers to them weakly,
    as the mode's own memo does. Copying a tensor deeply breaks the memo's replacement, so nothing
    may do that within the block.
    """
    with FakeTensorMode() as mode:
        converter = mode.fake_tensor_converter.meta_converter
        converter.tensor_memo = {}  # type: ignore[assignment]
        yield
