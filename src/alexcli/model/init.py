"""Initial weights of a layer, by the rule that `model.init` names."""

import torch
from torch import nn

from alexcli.model.layers import Layer
from alexcli.model.shapes import LayerShape
from alexcli.rng import stream_key
from alexcli.schema import Init, ModelSpec


def initialize(layer: Layer, shape: LayerShape, spec: ModelSpec, *, tower: int, seed: int) -> None:
    """Set the initial weights and biases of one tower's share of a layer.

    | rule     | weights                                     | biases                   |
    |----------|---------------------------------------------|--------------------------|
    | gaussian | std the layer's, section 5 and 2012 code    | layer's bias, section 5  |
    | he       | std sqrt(2 / fan-in), He et al. 2015        | layer's bias             |
    | torch    | U(-1, 1) / sqrt(fan-in), torch's default    | the same distribution    |

    std is the standard deviation of a normal distribution with mean 0.

    The values depend only on the seed, the tower and the layer's name, so that every placement
    starts from the same weights. Slopes of prelu and parameters of batch norm keep torch's
    defaults.

    Args:
        layer: the layer, changed in place.
        shape: the layer's shape, over all towers.
        spec: the net, whose `init` is the rule.
        tower: number of the tower that the layer belongs to, from 0.
        seed: the run's seed.
    """
    # Keys have 64 unsigned bits, while torch's seeds are signed.
    generator = torch.Generator().manual_seed(stream_key("init", seed, tower, shape.name) >> 1)
    fan_in = shape.fan_in_of_all_towers
    if spec.init is Init.torch:
        bound = fan_in**-0.5
        for parameter in layer.parameters(recurse=False):
            nn.init.uniform_(parameter, -bound, bound, generator)
        return
    std = shape.spec.std if spec.init is Init.gaussian else (2 / fan_in) ** 0.5
    nn.init.normal_(layer.weight, 0, std, generator)
    if layer.bias is not None:
        nn.init.constant_(layer.bias, shape.spec.bias)
