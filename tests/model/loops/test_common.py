"""What all compiled loops share."""

import numpy as np

from alexcli.model.loops import common
from alexcli.model.loops.common import compiled, copy


@compiled
def _copy_reversed(source: common.Floats, target: common.Floats) -> None:
    """target = source, from the end to the start."""
    for q in range(len(target)):
        target[common.index(len(target) - 1 - q)] = source[q]


@compiled
def _copy(source: common.Floats, target: common.Floats) -> None:
    copy(source, target)


def test_compiled_functions_call_inner_ones_and_index_from_the_start() -> None:
    source = np.arange(5.0)
    target = np.zeros(4)
    _copy(source, target)
    assert target.tolist() == [0, 1, 2, 3]
    _copy_reversed(source, target)
    assert target.tolist() == [3, 2, 1, 0]


def test_a_block_is_what_registers_hold() -> None:
    assert common.LANES * 4 in (32, 64)  # bytes of float32 in AVX2 and AVX-512
