"""The ops after a layer's product as one operator: activation, norm and pooling in one pass.

These ops are memory-bound: each reads and writes maps that do not fit into the cache. The operator
reads the product once and writes only the pooled map; its backward pass reads the product and the
gradient once and writes once (loops/tail.py).

Legend: N images, C channels of one tower, H, W a map's size, OH, OW that of the pooled map.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from alexcli.model import compiled
from alexcli.model.lrn import LocalResponseNorm
from alexcli.model.operators import declare_operator
from alexcli.model.pooling import Pool
from alexcli.model.shapes import window_count
from alexcli.model.threads import run_in_shares
from alexcli.schema import LrnImpl, PoolKind


class FusedOps(nn.Module):
    """Consecutive ops of a layer, computed by one operator.

    Args:
        relu_before: whether a ReLU comes first.
        norm: the response norm, if there is one.
        pool: the pooling.
        relu_after: whether a ReLU comes last.
    """

    def __init__(
        self, *, relu_before: bool, norm: LocalResponseNorm | None, pool: Pool, relu_after: bool
    ) -> None:
        super().__init__()
        self.relu_before = relu_before
        self.norm = norm
        self.pool = pool
        self.relu_after = relu_after

    def forward(self, x: Tensor) -> Tensor:
        """x (N, C, H, W) -> (N, C, OH, OW)."""
        norm = self.norm
        pool = self.pool
        out: Tensor = fused_tail(
            x,
            self.relu_before,
            norm.size if norm else 0,
            norm.alpha if norm else 0.0,
            norm.beta if norm else 0.0,
            norm.k if norm else 1.0,
            pool.size,
            pool.stride,
            pool.ceil,
            pool.kind is PoolKind.max,
            self.relu_after,
            torch.is_grad_enabled() and x.requires_grad,
        )[0]
        return out


def fuse(ops: Sequence[nn.Module]) -> list[nn.Module]:
    """The ops of a layer, with those that can be computed together fused into one.

    These are [ReLU,] [response norm,] pooling [, ReLU], in this order.

    Args:
        ops: in order.
    """
    fused: list[nn.Module] = []
    start = 0
    while start < len(ops):
        count, together = _fuse_first(ops[start:])
        fused.append(together or ops[start])
        start += count
    return fused


def _fuse_first(ops: Sequence[nn.Module]) -> tuple[int, FusedOps | None]:
    """How many of the first ops can be fused, and the module that does it."""
    rest = list(ops)
    relu_before = isinstance(rest[0], nn.ReLU)
    if relu_before:
        rest.pop(0)
    norm = None
    if rest and isinstance(rest[0], LocalResponseNorm) and rest[0].impl is not LrnImpl.reference:
        norm = rest[0]
        rest.pop(0)
    if not rest or not isinstance(rest[0], Pool):
        return 1, None
    pool = rest[0]
    if pool.kind is PoolKind.max and pool.size > LARGEST_MAX_POOL:
        return 1, None
    rest.pop(0)
    relu_after = bool(rest) and isinstance(rest[0], nn.ReLU)
    if relu_after:
        rest.pop(0)
    together = FusedOps(relu_before=relu_before, norm=norm, pool=pool, relu_after=relu_after)
    return len(ops) - len(rest), together


LARGEST_MAX_POOL = 15
"""Side of the largest window whose 225 positions, and the code for none of them, fit in a byte."""
LEAST_ELEMENTS = 1 << 21
"""Elements of the smallest map that is fused: smaller maps stay in the cache, where torch's own
pooling is as fast.
"""


def can_fuse(x: Tensor) -> bool:
    """Whether to use the operator for this map: on a CPU, not while compiling or exporting."""
    # Checked first: reading the size while tracing would fix the number of images.
    if torch.compiler.is_compiling() or torch.compiler.is_exporting():
        return False
    return (
        x.dim() == 4
        and x.numel() >= LEAST_ELEMENTS
        and compiled.fits(x)
        and x.dtype in compiled.DTYPES
    )


def _fused_tail(
    x: Tensor,
    relu_before: bool,
    lrn_size: int,
    alpha: float,
    beta: float,
    k: float,
    pool_size: int,
    pool_stride: int,
    ceil: bool,
    pool_is_max: bool,
    relu_after: bool,
    store_places: bool,
) -> tuple[Tensor, Tensor]:
    """The pooled map, and the places of its maxima if they are to be stored.

    Args:
        x: (N, C, H, W).
        relu_before: whether a ReLU comes first.
        lrn_size: channels in the window of the response norm; 0 for no norm.
        alpha: of the norm, multiplied by each square.
        beta: of the norm.
        k: of the norm.
        pool_size: side of the pooling window.
        pool_stride: step between windows.
        ceil: whether a clipped last window counts.
        pool_is_max: whether to take the maximum instead of the mean of the clipped window.
        relu_after: whether a ReLU comes last.
        store_places: whether a gradient will be needed.
    """
    x = x.contiguous(memory_format=torch.channels_last)
    out = _empty_pooled(x, pool_size, pool_stride, ceil=ceil, dtype=x.dtype)
    places = _empty_pooled(x, pool_size, pool_stride, ceil=ceil, dtype=torch.uint8)
    source = compiled.rows(x)
    target = compiled.rows(out)
    stored = compiled.rows(places) if store_places else np.empty((len(x), 0), np.uint8)
    loops = compiled.tail_loops()
    norm = compiled.norm_constants(source.dtype, lrn_size, alpha, beta, k)
    tail = loops.Tail(relu_before, norm, pool_size, pool_stride, pool_is_max, relu_after)
    shape = _map_shape(x, out)

    def compute(first: int, end: int) -> None:
        images = slice(first, end)
        loops.tail_forward(
            source[images],
            target[images],
            stored[images],
            shape,
            tail,
            compiled.norm_buffers(shape.C, lrn_size, source.dtype),
            compiled.pool_buffers(pool_size, shape.W * shape.C, source.dtype),
        )

    run_in_shares(len(x), compute)
    return out, places if store_places else places[:0]


def _fused_tail_backward(
    grad: Tensor,
    x: Tensor,
    places: Tensor,
    relu_before: bool,
    lrn_size: int,
    alpha: float,
    beta: float,
    k: float,
    pool_size: int,
    pool_stride: int,
    pool_is_max: bool,
    relu_after: bool,
) -> Tensor:
    """The gradient of x from that of the pooled map; for the arguments see `_fused_tail`."""
    x = x.contiguous(memory_format=torch.channels_last)
    grad = grad.contiguous(memory_format=torch.channels_last)
    grad_x = torch.empty_like(x)
    source, gradients, target, stored = map(compiled.rows, (x, grad, grad_x, places))
    loops = compiled.tail_loops()
    norm = compiled.norm_constants(source.dtype, lrn_size, alpha, beta, k)
    tail = loops.Tail(relu_before, norm, pool_size, pool_stride, pool_is_max, relu_after)
    shape = _map_shape(x, grad)

    def compute(first: int, end: int) -> None:
        images = slice(first, end)
        loops.tail_backward(
            source[images],
            gradients[images],
            stored[images],
            target[images],
            shape,
            tail,
            compiled.norm_buffers(shape.C, lrn_size, source.dtype),
            compiled.pool_buffers(pool_size, shape.W * shape.C, source.dtype),
        )

    run_in_shares(len(x), compute)
    return grad_x


def _empty_pooled(
    x: Tensor, pool_size: int, pool_stride: int, *, ceil: bool, dtype: torch.dtype
) -> Tensor:
    """An uninitialised tensor (N, C, OH, OW) in channels-last order."""
    images, channels, height, width = x.shape
    rows = window_count(height, pool_size, pool_stride, ceil=ceil)
    columns = window_count(width, pool_size, pool_stride, ceil=ceil)
    return torch.empty(
        (images, channels, rows, columns),
        dtype=dtype,
        device=x.device,
        memory_format=torch.channels_last,
    )


def _map_shape(x: Tensor, pooled: Tensor) -> Any:
    """The sizes that the loops need."""
    _, channels, height, width = x.shape
    return compiled.tail_loops().MapShape(height, width, channels, pooled.shape[2], pooled.shape[3])


def _fused_tail_fake(
    x: Tensor,
    relu_before: bool,  # noqa: ARG001
    lrn_size: int,  # noqa: ARG001
    alpha: float,  # noqa: ARG001
    beta: float,  # noqa: ARG001
    k: float,  # noqa: ARG001
    pool_size: int,
    pool_stride: int,
    ceil: bool,
    pool_is_max: bool,  # noqa: ARG001
    relu_after: bool,  # noqa: ARG001
    store_places: bool,
) -> tuple[Tensor, Tensor]:
    """Shapes and memory formats of the results of `fused_tail`, for tracing."""
    out = _empty_pooled(x, pool_size, pool_stride, ceil=ceil, dtype=x.dtype)
    places = _empty_pooled(x, pool_size, pool_stride, ceil=ceil, dtype=torch.uint8)
    return out, places if store_places else places[:0]


def _fused_tail_backward_fake(
    grad: Tensor,  # noqa: ARG001
    x: Tensor,
    places: Tensor,  # noqa: ARG001
    *_constants: object,
) -> Tensor:
    """Shape and memory format of the result of `fused_tail_backward`, for tracing."""
    return torch.empty_like(x, memory_format=torch.channels_last)


def _save_for_backward(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
    x, *constants, _store_places = inputs
    _out, places = output
    ctx.constants = constants
    ctx.save_for_backward(x, places)
    ctx.mark_non_differentiable(places)


def _gradient(ctx: Any, grad: Tensor, _grad_of_places: Any) -> tuple[Tensor | None, ...]:
    x, places = ctx.saved_tensors
    *constants, _ceil, pool_is_max, relu_after = ctx.constants
    grad_x = fused_tail_backward(grad, x, places, *constants, pool_is_max, relu_after)
    return grad_x, *([None] * 11)


def _refuse_second_derivative(*_: Any) -> None:
    raise RuntimeError(
        "activation, norm and pooling in one pass have first derivatives only; "
        "model.tail=separate with model.lrn.impl=reference has higher ones"
    )


fused_tail = declare_operator(
    "fused_tail",
    _fused_tail,
    fake=_fused_tail_fake,
    backward=_gradient,
    setup_context=_save_for_backward,
)
fused_tail_backward = declare_operator(
    "fused_tail_backward",
    _fused_tail_backward,
    fake=_fused_tail_backward_fake,
    backward=_refuse_second_derivative,
)
