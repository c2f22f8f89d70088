"""A reduced AlexNet with groups, computed by torch.nn.functional, independent of the product."""

import math
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

INPUT = 67
"""Side of the input, which leaves one position after the last pooling."""
SHAPES = {
    "conv1": (8, 3, 11, 11),
    "conv2": (16, 4, 5, 5),
    "conv3": (24, 16, 3, 3),
    "conv4": (16, 12, 3, 3),
    "conv5": (16, 8, 3, 3),
    "fc6": (20, 16),
    "fc7": (18, 20),
    "fc8": (7, 18),
}
"""Shapes of the weights of AlexNet with groups in conv2, conv4 and conv5, with fewer channels."""
GROUPS = {"conv2": 2, "conv4": 2, "conv5": 2}
STRIDES = {"conv1": 4}
PADS = {"conv2": 2, "conv3": 1, "conv4": 1, "conv5": 1}


def random_weights(seed: int = 0) -> dict[str, tuple[Tensor, Tensor]]:
    """Weights and biases by layer, large enough that every layer matters to the scores."""
    generator = torch.Generator().manual_seed(seed)
    return {
        name: (
            torch.randn(shape, generator=generator) / math.sqrt(math.prod(shape[1:])),
            0.1 * torch.randn(shape[0], generator=generator),
        )
        for name, shape in SHAPES.items()
    }


def scores(
    weights: Mapping[str, tuple[Tensor, Tensor]],
    x: Tensor,
    *,
    pool_first: bool = False,
    norm: bool = True,
    ceil: bool = True,
) -> Tensor:
    """(N, 7) class scores of x, (N, 3, S, S), in the order of channels that the weights expect.

    Args:
        weights: of `random_weights`.
        x: the net's input.
        pool_first: whether pooling comes before the response norm, as in CaffeNet.
        norm: whether there are response norms.
        ceil: whether pooling rounds up, as Caffe's does.
    """

    def pool(x: Tensor) -> Tensor:
        return F.max_pool2d(x, 3, 2, ceil_mode=ceil)

    def response_norm(x: Tensor) -> Tensor:
        return F.local_response_norm(x, 5, alpha=0.01, beta=0.75, k=1.0) if norm else x

    for name in ("conv1", "conv2", "conv3", "conv4", "conv5"):
        weight, bias = weights[name]
        stride, pad = STRIDES.get(name, 1), PADS.get(name, 0)
        x = F.relu(F.conv2d(x, weight, bias, stride, pad, groups=GROUPS.get(name, 1)))
        if name in ("conv1", "conv2"):
            x = response_norm(pool(x)) if pool_first else pool(response_norm(x))
    x = pool(x).flatten(1)
    for name in ("fc6", "fc7"):
        x = F.relu(F.linear(x, *weights[name]))
    return F.linear(x, *weights["fc8"])


def images(count: int = 3, size: int = 80) -> Tensor:
    """(N, S, S, 3) uint8, random."""
    generator = torch.Generator().manual_seed(count)
    return torch.randint(0, 256, (count, size, size, 3), dtype=torch.uint8, generator=generator)
