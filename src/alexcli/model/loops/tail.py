"""Activation, response norm and pooling in one pass, and its gradient.

Legend: N images, H rows, W columns, C >= LANES channels; OH, OW the pooled map's size.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from alexcli.model.loops.common import LANES, Floats, Places, compiled, copy, index, inner
from alexcli.model.loops.norm import Norm, NormBuffers, differentiate_positions, normalise_positions

CUT_OFF = 255
"""Place of a maximum that a ReLU after the pooling has set to 0."""


class Tail(NamedTuple):
    """The ops after a layer's product, in this order."""

    relu_before: bool
    norm: Norm
    pool_size: int
    pool_stride: int
    pool_is_max: bool
    """Whether the pooling takes the maximum instead of the mean; the last windows are clipped."""
    relu_after: bool


class MapShape(NamedTuple):
    """Sizes of a feature map and of the pooled map."""

    H: int
    W: int
    C: int
    OH: int
    OW: int


class PoolBuffers(NamedTuple):
    """Memory for the rows of a map under one row of pooling windows, all zero at first."""

    ring: Floats
    """(pool size, W * C): rows of the map, or of its gradient, by their number modulo the size."""
    values: Floats
    """(3, W * C)."""
    places: Floats
    """(3, W * C), places of `values`, in the map's dtype, so that all selections have one width."""
    zeros: Floats
    """(W * C,), never written."""
    starts: npt.NDArray[np.int64]
    """(pool size ** 2,): offset in the ring of each place."""

    @classmethod
    def allocate(cls, size: int, width: int, dtype: Any) -> "PoolBuffers":
        """Buffers for rows of `width` = W * C elements."""
        return cls(
            ring=np.zeros((size, width), dtype),
            values=np.zeros((3, width), dtype),
            places=np.zeros((3, width), dtype),
            zeros=np.zeros(width, dtype),
            starts=np.zeros(size * size, np.int64),
        )


@inner
def _greater_values(values: Floats, others: Floats, out: Floats) -> None:
    """out = the greater of two values; NaN counts as the greatest, as in torch."""
    for q in range(len(out)):
        other = others[q]
        is_taken = (other > values[q]) | (other != other)
        out[q] = other if is_taken else values[q]


@inner
def _greater_places(
    values: Floats, others: Floats, places: Floats, other_places: Floats, shift: int, out: Floats
) -> None:
    """out = the place of the greater of two values; if they are equal, the lower place.

    Args:
        values: (any,), like all that follow.
        others: values to compare with.
        places: places of `values`.
        other_places: places of `others`, less `shift`.
    """
    distance = out.dtype.type(shift)
    for q in range(len(out)):
        other = others[q]
        place = other_places[q] + distance
        is_earlier = (other == values[q]) & (place < places[q])
        is_taken = (other > values[q]) | (other != other) | is_earlier
        out[q] = place if is_taken else places[q]


@inner
def _window_maxima(y: int, height: int, channels: int, buffers: PoolBuffers) -> int:
    """Compute the maximum of the pooling window that begins at each column, and its place.

    Args:
        y: first row of the windows.
        height: rows of the clipped windows.
        channels: C.
        buffers: `ring` holds the rows; the result is written to `values` and `places`.

    Returns:
        The row of `values` and `places` that holds the result.
    """
    ring, values, places, zeros, _ = buffers
    size = len(ring)
    column = 0  # holds the maximum of each column of the windows
    copy(ring[y % size], values[column])
    copy(zeros, places[column])
    for i in range(1, height):
        row = ring[(y + i) % size]
        _greater_values(values[column], row, values[1 - column])
        _greater_places(values[column], row, places[column], zeros, i * size, places[1 - column])
        column = 1 - column
    best = column
    target = 1 - column
    for j in range(1, size):
        inside = max(0, len(zeros) - j * channels)
        shifted = values[column][j * channels :]
        _greater_values(values[best], shifted, values[target][:inside])
        _greater_places(
            values[best],
            shifted,
            places[best],
            places[column][j * channels :],
            j,
            places[target][:inside],
        )
        # Windows that are clipped to fewer columns keep their maximum.
        copy(values[best][inside:], values[target][inside:])
        copy(places[best][inside:], places[target][inside:])
        best = target
        target = 3 - column - best  # the third row, since `column` is read until the end
    return best


@inner
def _window_means(y: int, height: int, channels: int, buffers: PoolBuffers) -> int:
    """Compute the sum over the window that begins at each column; see `_window_maxima`."""
    ring, values, _, _, _ = buffers
    size = len(ring)
    columns = values[0]
    sums = values[1]
    copy(ring[y % size], columns)
    for i in range(1, height):
        row = ring[(y + i) % size]
        for q in range(len(columns)):
            columns[q] += row[q]
    copy(columns, sums)
    for j in range(1, size):
        shifted = columns[j * channels :]
        for q in range(len(shifted)):
            sums[q] += shifted[q]
    return 1


@inner
def _store_position(
    values: Floats, places: Floats, start: int, divisor: int, channels: int, relu: bool,
    out: Floats, stored: Places, to: int,
) -> None:  # fmt: skip
    """Write the pooled channels of a position, and their places if they are stored.

    Args:
        values: (W * C,), of the windows that begin at each column.
        places: (W * C,).
        start: where the position begins in `values`.
        divisor: divides the values: 1 for a maximum, the area of the window for a mean.
        channels: C.
        relu: whether a ReLU follows.
        out: the pooled map.
        stored: places in the pooled map; empty if they are not stored.
        to: where the position begins in `out`.
    """
    zero = out.dtype.type(0)
    count = out.dtype.type(divisor)
    for block in range(0, channels, LANES):
        channel = min(block, channels - LANES)
        for lane in range(LANES):
            pooled = values[index(start + channel + lane)] / count
            if relu:
                pooled = zero if pooled < zero else pooled
            out[index(to + channel + lane)] = pooled
    if len(stored) == 0:
        return
    for block in range(0, channels, LANES):
        channel = min(block, channels - LANES)
        for lane in range(LANES):
            code = np.uint8(np.int32(places[index(start + channel + lane)]))
            if relu:
                is_cut_off = values[index(start + channel + lane)] <= zero
                code = np.uint8(CUT_OFF) if is_cut_off else code
            stored[index(to + channel + lane)] = code


@inner
def _pool_row(
    y: int, shape: MapShape, tail: Tail, buffers: PoolBuffers, out: Floats, stored: Places
) -> None:
    """Write a row of the pooled map, (OW * C,), and the places of its maxima if they are stored."""
    channels = shape.C
    height = min(tail.pool_size, shape.H - y)
    if tail.pool_is_max:
        best = _window_maxima(y, height, channels, buffers)
    else:
        best = _window_means(y, height, channels, buffers)
    values = buffers.values[best]
    places = buffers.places[best]
    for j in range(shape.OW):
        left = j * tail.pool_stride
        divisor = 1
        if not tail.pool_is_max:
            divisor = height * min(tail.pool_size, shape.W - left)
        _store_position(
            values,
            places,
            left * channels,
            divisor,
            channels,
            tail.relu_after,
            out,
            stored,
            j * channels,
        )


@compiled
def tail_forward(
    x: Floats,
    out: Floats,
    places: Places,
    shape: MapShape,
    tail: Tail,
    norm_buffers: NormBuffers,
    pool_buffers: PoolBuffers,
) -> None:
    """out = the tail of x.

    Args:
        x: (N, H * W * C).
        out: (N, OH * OW * C).
        places: like `out`, the places of the maxima in their windows, counted row by row, or
            CUT_OFF where a ReLU after the pooling leaves no gradient; (N, 0) if not stored.
    """
    width = shape.W * shape.C
    width_out = shape.OW * shape.C
    for n in range(len(x)):
        next_row = 0
        for i in range(shape.OH):
            y = i * tail.pool_stride
            end = min(y + tail.pool_size, shape.H)
            for row in range(max(next_row, y), end):
                normalise_positions(
                    x[n][row * width : (row + 1) * width], pool_buffers.ring[row % tail.pool_size],
                    shape.C, tail.relu_before, tail.norm, norm_buffers,
                )  # fmt: skip
            next_row = end
            _pool_row(
                y, shape, tail, pool_buffers,
                out[n][i * width_out :], places[n][i * width_out :],
            )  # fmt: skip


@inner
def _scatter_to_maxima(
    grad: Floats, places: Places, y: int, shape: MapShape, tail: Tail, buffers: PoolBuffers
) -> None:
    """Add the gradients of a pooled row to the places of its maxima.

    Args:
        grad: (OW * C,).
        places: as `grad`.
        y: first row of the windows.
        shape: sizes of the map.
        tail: has the pooling.
        buffers: `ring` holds the gradients of the map's rows.
    """
    channels = shape.C
    size = tail.pool_size
    starts = buffers.starts
    ring = buffers.ring.reshape(-1)
    for place in range(size * size):
        starts[place] = ((y + place // size) % size * shape.W + place % size) * channels
    for j in range(shape.OW):
        gradients = grad[j * channels :]
        stored = places[j * channels :]
        window = ring[j * tail.pool_stride * channels :]
        for c in range(channels):
            if stored[c] != CUT_OFF:
                window[starts[stored[c]] + c] += gradients[c]


@inner
def _spread_over_windows(
    grad: Floats, places: Places, y: int, shape: MapShape, tail: Tail, buffers: PoolBuffers
) -> None:
    """Add the gradients of a row of means to all positions of their windows.

    Args:
        grad: (OW * C,).
        places: as `grad`; CUT_OFF where there is no gradient.
        y: first row of the windows.
        buffers: `ring` holds the gradients of the map's rows.
    """
    channels = shape.C
    zero = grad.dtype.type(0)
    row = buffers.values[0]
    height = min(tail.pool_size, shape.H - y)
    copy(buffers.zeros, row)
    for j in range(shape.OW):
        left = j * tail.pool_stride
        right = min(shape.W, left + tail.pool_size)
        area = grad.dtype.type(height * (right - left))
        gradients = grad[j * channels :]
        place = places[j * channels :]
        for column in range(left, right):
            target = row[column * channels :]
            for c in range(channels):
                target[c] += zero if place[c] == CUT_OFF else gradients[c] / area
    for i in range(height):
        sums = buffers.ring[(y + i) % tail.pool_size]
        for q in range(len(sums)):
            sums[q] += row[q]


@compiled
def tail_backward(
    x: Floats,
    grad: Floats,
    places: Places,
    grad_x: Floats,
    shape: MapShape,
    tail: Tail,
    norm_buffers: NormBuffers,
    pool_buffers: PoolBuffers,
) -> None:
    """grad_x = the gradient of `tail_forward`'s x from that of its result.

    Args:
        x: (N, H * W * C).
        grad: (N, OH * OW * C).
        places: as `tail_forward` stored them.
        grad_x: as x.
    """
    width = shape.W * shape.C
    width_out = shape.OW * shape.C
    ring = pool_buffers.ring
    for row in range(tail.pool_size):
        copy(pool_buffers.zeros, ring[row])
    for n in range(len(x)):
        next_row = 0
        for i in range(shape.OH):
            y = i * tail.pool_stride
            row_grad = grad[n][i * width_out :]
            row_places = places[n][i * width_out :]
            if tail.pool_is_max:
                _scatter_to_maxima(row_grad, row_places, y, shape, tail, pool_buffers)
            else:
                _spread_over_windows(row_grad, row_places, y, shape, tail, pool_buffers)
            finished = min(shape.H, y + tail.pool_stride)
            if i == shape.OH - 1:
                finished = shape.H
            for row in range(next_row, finished):  # no later window adds to these rows
                sums = ring[row % tail.pool_size]
                differentiate_positions(
                    x[n][row * width : (row + 1) * width], sums, grad_x[n][row * width :],
                    shape.C, tail.relu_before, tail.norm, norm_buffers,
                )  # fmt: skip
                copy(pool_buffers.zeros, sums)
            next_row = finished
