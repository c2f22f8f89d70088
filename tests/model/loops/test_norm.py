"""The loops of the response norm; test_lrn_kernels.py compares them with the formula."""

import numpy as np
import pytest

from alexcli.model.loops.norm import CHUNK, Norm, NormBuffers, normalise, normalise_backward

FLOAT = np.dtype(np.float32)
NORM = Norm(5, 2, np.float32(0.1), np.float32(0.75), np.float32(2))


@pytest.mark.parametrize("positions", [1, CHUNK, CHUNK + 1, 2 * CHUNK + 3])
@pytest.mark.parametrize("channels", [16, 21])
def test_a_position_depends_on_no_other(positions: int, channels: int) -> None:
    buffers = NormBuffers.allocate(channels, NORM.window, FLOAT)
    rng = np.random.default_rng(0)
    x, grad = rng.standard_normal((2, positions, channels)).astype(FLOAT)
    out = np.empty_like(x)
    grad_x = np.empty_like(x)
    normalise(x.reshape(-1), out.reshape(-1), channels, NORM, buffers)
    normalise_backward(x.reshape(-1), grad.reshape(-1), grad_x.reshape(-1), channels, NORM, buffers)
    for position in range(positions):
        alone = np.empty(channels, FLOAT)
        normalise(x[position], alone, channels, NORM, buffers)
        assert np.array_equal(out[position], alone)
        normalise_backward(x[position], grad[position], alone, channels, NORM, buffers)
        assert np.array_equal(grad_x[position], alone)


def test_not_a_number_stays_in_its_windows() -> None:
    x = np.zeros((2, 16), FLOAT)
    x[1, 8] = np.nan
    out = np.empty_like(x)
    buffers = NormBuffers.allocate(16, NORM.window, FLOAT)
    normalise(x.reshape(-1), out.reshape(-1), 16, NORM, buffers)
    assert np.flatnonzero(np.isnan(out[1])).tolist() == [6, 7, 8, 9, 10]
    assert not np.isnan(out[0]).any()
