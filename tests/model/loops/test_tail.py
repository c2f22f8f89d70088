"""The loops of a layer's tail; tests/model/test_tail.py compares them with torch's operators."""

import numpy as np
import numpy.typing as npt
import pytest

from alexcli.model.loops.norm import Norm, NormBuffers
from alexcli.model.loops.tail import CUT_OFF, MapShape, PoolBuffers, Tail, tail_forward

FLOAT = np.dtype(np.float32)
NO_NORM = Norm(0, 0, np.float32(0), np.float32(0), np.float32(1))
SHAPE = MapShape(H=3, W=5, C=16, OH=1, OW=2)


def _places(
    x: npt.NDArray[np.float32], tail: Tail
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.uint8]]:
    """The pooled map of one image (3, 5, 16), and the places of its maxima, both (2, 16)."""
    out = np.empty((1, 2 * 16), FLOAT)
    places = np.empty((1, 2 * 16), np.uint8)
    tail_forward(
        x.reshape(1, -1),
        out,
        places,
        SHAPE,
        tail,
        NormBuffers.allocate(16, 0, FLOAT),
        PoolBuffers.allocate(3, 5 * 16, FLOAT),
    )
    return out.reshape(2, 16), places.reshape(2, 16)


@pytest.mark.parametrize(("row", "column"), [(0, 0), (1, 2), (2, 1)])
def test_a_maximum_is_stored_with_its_place_in_the_window(row: int, column: int) -> None:
    x = np.zeros((3, 5, 16), FLOAT)
    x[row, column, 7] = 1
    out, places = _places(x, Tail(False, NO_NORM, 3, 2, True, False))
    assert out[0, 7] == 1
    assert places[0, 7] == 3 * row + column
    assert places[0, 6] == 0  # of equal ones the first


def test_what_a_relu_cuts_off_has_no_place() -> None:
    x = np.full((3, 5, 16), -1, FLOAT)
    x[1, 1, 3] = 2
    out, places = _places(x, Tail(False, NO_NORM, 3, 2, True, True))
    assert out[0, 3] == 2
    assert places[0, 3] == 4
    assert out[0, 4] == 0
    assert places[0, 4] == CUT_OFF
