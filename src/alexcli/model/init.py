"""Initial weights (section 5, and the 2012 code where it differs)."""

import torch

from alexcli import draws
from alexcli.model.layers import Layer
from alexcli.model.shapes import LayerShape
from alexcli.schema import Init, ModelSpec


def initialize(layer: Layer, shape: LayerShape, spec: ModelSpec, *, tower: int, seed: int) -> None:
    """Draw the weights and set the biases of a layer, as a pure function of (seed, tower, name).

    | rule     | weights                                     | biases                   |
    |----------|---------------------------------------------|--------------------------|
    | gaussian | N(0, layer's std), section 5 and 2012 code  | layer's bias, section 5  |
    | he       | N(0, 2 / fan-in), He et al. 2015            | layer's bias             |
    | torch    | U(-1, 1) / sqrt(fan-in), torch's default    | the same distribution    |

    Slopes of prelu and constants of batch norm keep their own defaults.
    """
    weight, bias = layer.weight, layer.bias
    generator = torch.Generator().manual_seed(draws.key("init", seed, tower, shape.name) >> 1)
    fan_in = shape.fan_in * (spec.towers if shape.last else 1)
    with torch.no_grad():
        if spec.init is Init.torch:
            bound = fan_in**-0.5
            weight.uniform_(-bound, bound, generator=generator)
            if bias is not None:
                bias.uniform_(-bound, bound, generator=generator)
            return
        std = shape.spec.std if spec.init is Init.gaussian else (2 / fan_in) ** 0.5
        weight.normal_(0, std, generator=generator)
        if bias is not None:
            bias.fill_(shape.spec.bias)
