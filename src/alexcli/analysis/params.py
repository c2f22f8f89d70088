"""Shapes, neurons, parameters, MACs, FLOPs and memory, layer by layer and tower by tower."""

from typing import Any

from alexcli.analysis import read_yaml, worded
from alexcli.model.shapes import LayerShape, followed_by, trace
from alexcli.results import Analysis
from alexcli.schema import AnalyzeSpec, Kind, ModelSpec, Norm, Op

FLOAT = 4  # bytes of a float32
KEPT = 3  # of each parameter in training: itself, its gradient, its momentum
COUNTED = ("neurons", "params", "macs", "flops")
BYTES = ("activation_bytes", "weight_bytes", "training_bytes")


def run(spec: AnalyzeSpec, check: bool = False) -> Analysis:
    """Account for a net, without a run and, unless it is to be checked, without torch.

    Args:
        spec: `model`, and `batch` for the memory.
        check: count with fvcore and torch's FlopCounterMode too.

    Returns:
        Its data: `{model, input: [C, H, W], batch, layers: [{name, kind, output: [C, H, W], towers,
        sees, neurons, params, weights, biases, macs, flops, other_flops, activation_bytes,
        weight_bytes, training_bytes, per_tower: [{neurons, params, macs}]}], totals: {the same
        counts}, conventions: [{name, forward, training}]}`, counts over all towers and of one
        picture, bytes of a batch; `other_flops` are those of act, norm, pool and softmax.

    Raises:
        UsageError: the layers do not fit together.
    """
    model, shapes = spec.model, trace(spec.model)
    layers = [_layer(model, shape, spec.batch) for shape in shapes]
    shape_in = [model.input.channels, model.input.size, model.input.size]
    counted = (*COUNTED, "weights", "biases", "other_flops", *BYTES)
    totals = {key: sum(layer[key] for layer in layers) for key in counted}
    for key in ("activation_bytes", "training_bytes"):  # the picture itself is kept too
        totals[key] += FLOAT * spec.batch * model.input.channels * model.input.size**2
    conventions = _conventions(shapes, totals)
    main, memory = [], []
    for one in (*layers, totals | {"name": "total", "output": [], "sees": ""}):
        counts = [one[key] for key in COUNTED]
        main.append([one["name"], _by(one["output"]), one["sees"], *counts])
        memory.append([one["name"], *(round(one[key] / 1e6, 2) for key in BYTES)])
    known = totals | {layer["name"]: layer["neurons"] for layer in layers}
    figures = [f for f in read_yaml("published")["circulating"] if known.get(f["of"]) == f["ours"]]
    rows = [[f["what"], f["says"], f["ours"], f["says"] - f["ours"], f["why"]] for f in figures]
    checked = _check(model, totals["macs"]) if check else []
    data = {"model": model.name, "input": shape_in, "batch": spec.batch, "layers": layers}
    data |= {"totals": totals, "conventions": conventions, "check": checked}
    every = [list(one.values()) for one in conventions]
    tables = [main, memory, _towers(model, layers), every, rows, checked]
    return worded("params", tables, {"spec": spec, "input": _by(shape_in)}, data=data)


def _by(sizes: list[int]) -> str:
    return " x ".join(map(str, sizes))


def _layer(model: ModelSpec, shape: LayerShape, batch: int) -> dict[str, Any]:
    after, params, towers = followed_by(model, shape), shape.params, shape.towers
    # An activation works in place; everything else makes a tensor that the backward pass reads.
    held = FLOAT * batch * (shape.neurons + sum(n for op, n in after if op is not Op.act))
    # The first tower adds the biases of the scores, and the towers' parts of them.
    parts = [float(tower == 0) if shape.last else 1 / towers for tower in range(towers)]
    return {
        "name": shape.name,
        "kind": shape.spec.kind.value,
        "output": [shape.out_channels, shape.out_size, shape.out_size],
        "towers": 1 if shape.last else towers,
        "sees": "all" if shape.exchanged or shape.last else "own",
        **dict(zip(COUNTED, (shape.neurons, params, shape.macs, 2 * shape.macs), strict=True)),
        "weights": shape.weights,
        "biases": shape.biases,
        "other_flops": _others(model, shape),
        **dict(zip(BYTES, (held, FLOAT * params, FLOAT * KEPT * params + held), strict=True)),
        "per_tower": [
            {
                "neurons": round(shape.neurons * part),
                "params": round((params - shape.biases) / towers + shape.biases * part),
                "macs": shape.macs // towers,
            }
            for part in parts
        ],
    }


def _others(model: ModelSpec, shape: LayerShape) -> int:
    """Operations of act (1 an element), norm (n + 6 for a window of n, as thop has it: 11 in the
    paper; 2 for batch norm), pool (one an element of the window) and softmax (3 a class: take the
    exponent, add, divide). Dropout's factor at test is not counted.
    """
    spatial = model.spatial_lrn.size**2 + 6
    norms = {Norm.batch: 2, Norm.spatial_lrn: spatial, Norm.lrn: model.lrn.size + 6, Norm.none: 0}
    cost = {Op.act: 1, Op.norm: norms[model.norm], Op.spatial_norm: spatial, Op.dropout: 0}
    cost[Op.pool] = (shape.spec.pool or model.pool).size ** 2
    count = sum(cost[op] * n for op, n in followed_by(model, shape))
    return count + 3 * shape.out_channels * shape.last


def _conventions(shapes: list[LayerShape], totals: dict[str, int]) -> list[dict[str, Any]]:
    """Totals by what is counted; the first layer makes no gradient for the pixels."""
    macs = [shape.macs for shape in shapes]
    # Many course notes: a layer's parameters, biases too, times its positions.
    places = [1 if s.spec.kind is Kind.local else s.out_size**2 for s in shapes]
    times = [(s.weights + s.biases) * n for s, n in zip(shapes, places, strict=True)]
    flops, biases = [2 * count for count in macs], totals["neurons"]
    return [
        {"name": name, "forward": sum(of) + more, "training": 3 * sum(of) - of[0] + 2 * more}
        for name, of, more in (
            ("MACs", macs, 0),
            ("parameters x positions", times, 0),
            ("2 x MACs", flops, 0),
            ("2 x MACs, with biases", flops, biases),
            ("with biases, LRN, ReLU, pooling, softmax", flops, biases + totals["other_flops"]),
        )
    ]


def _towers(model: ModelSpec, layers: list[dict[str, Any]]) -> list[list[Any]]:
    """Rows of the first tower, and a sum; none where there is one tower."""
    rows: list[list[Any]] = []
    for one in layers if model.towers > 1 else []:
        first, second = one["per_tower"][:2]
        output = _by([one["output"][0] // one["towers"], *one["output"][1:]])
        counts = [first["neurons"], first["params"], second["params"], first["macs"]]
        rows.append([one["name"], output, *counts])
    return [*rows, ["total", "", *(sum(r[i] for r in rows) for i in range(2, 6))]] if rows else []


def _check(model: ModelSpec, macs: int) -> list[list[Any]]:
    """What other programs count in the net that torch runs."""
    import warnings

    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from alexcli.model.convert import portable
    from alexcli.model.towers import Towers

    net = portable(Towers(model), operator=False).eval()
    x = torch.zeros(1, model.input.channels, model.input.size, model.input.size)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        net(x)
    flops = counter.get_total_flops()
    why = "2 x MACs of convolution and matrix products; no biases, no norm, no pooling"
    row = ["torch FlopCounterMode", flops, 2 * macs, flops - 2 * macs, why]
    try:
        with warnings.catch_warnings(action="ignore"):  # of torch.jit, which fvcore uses
            from fvcore.nn import FlopCountAnalysis  # type: ignore
    except ImportError:
        return [row, ["fvcore", None, macs, None, "not installed: pip install fvcore"]]
    found = FlopCountAnalysis(net, x).unsupported_ops_warnings(False)
    counts = {k: int(n) for k, n in found.uncalled_modules_warnings(False).by_operator().items()}
    parts = ", ".join(f"{name} {count:,}" for name, count in counts.items())
    total = sum(counts.values())
    return [row, ["fvcore", total, macs, total - macs, f"MACs, which it calls flops: {parts}"]]
