"""Output shape, neurons, parameters and MACs of every layer, without torch and without a run."""

from typing import Any

from alexcli.model.shapes import op_parameters, trace
from alexcli.schema import AnalyzeSpec


def run(spec: AnalyzeSpec) -> dict[str, Any]:
    """Account for a net.

    Returns:
        `{model, input, layers: [{name, kind, output: [C, H, W], towers, sees, neurons, params,
        weights, biases, macs}], totals: {neurons, params, weights, biases, macs}}`, counts over
        all towers.

    Raises:
        UsageError: the layers do not fit together.
    """
    model, layers = spec.model, []
    for shape in trace(model):
        layers.append(
            {
                "name": shape.name,
                "kind": shape.spec.kind.value,
                "output": [shape.out_channels, shape.out_size, shape.out_size],
                "towers": 1 if shape.last else model.towers,
                "sees": "all" if shape.exchanged or shape.last else "own",
                "neurons": shape.neurons,
                "params": shape.weights + shape.biases + op_parameters(model, shape),
                "weights": shape.weights,
                "biases": shape.biases,
                "macs": shape.macs,
            }
        )
    side = model.input.size
    counted = ("neurons", "params", "weights", "biases", "macs")
    return {
        "model": model.name,
        "input": [model.input.channels, side, side],
        "layers": layers,
        "totals": {key: sum(layer[key] for layer in layers) for key in counted},
    }
