"""Counts of a net's operations by other programs."""

import warnings
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from alexcli.model.exportable import exportable_copy
from alexcli.model.towers import Towers
from alexcli.schema import ModelSpec


def count_with_others(model: ModelSpec, macs: int) -> list[dict[str, Any]]:
    """The counts of torch's FlopCounterMode and, if installed, of fvcore for one image.

    Args:
        model: the net, which is built.
        macs: our own count of multiply-accumulate operations.

    Returns:
        Rows `{program, counts, ours, difference, what it counts}`.
    """
    net = exportable_copy(Towers(model), operator=False).eval()
    x = torch.zeros(1, model.input.channels, model.input.size, model.input.size)
    return [_count_with_torch(net, x, macs), _count_with_fvcore(net, x, macs)]


def _count_with_torch(net: nn.Module, x: Tensor, macs: int) -> dict[str, Any]:
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        net(x)
    flops = counter.get_total_flops()
    return {
        "program": "torch FlopCounterMode",
        "counts": flops,
        "ours": 2 * macs,
        "difference": flops - 2 * macs,
        "what it counts": "2 x MACs of convolution and matrix products; no biases, no norm, "
        "no pooling",
    }


def _count_with_fvcore(net: nn.Module, x: Tensor, macs: int) -> dict[str, Any]:
    try:
        with warnings.catch_warnings(action="ignore"):  # torch.jit, which fvcore uses, warns
            from fvcore.nn import FlopCountAnalysis  # type: ignore
    except ImportError:
        return {
            "program": "fvcore",
            "counts": None,
            "ours": macs,
            "difference": None,
            "what it counts": "not installed: pip install fvcore",
        }
    analysis = FlopCountAnalysis(net, x)
    analysis.unsupported_ops_warnings(False)
    analysis.uncalled_modules_warnings(False)
    counts = {name: int(count) for name, count in analysis.by_operator().items()}
    operators = ", ".join(f"{name} {count:,}" for name, count in counts.items())
    total = sum(counts.values())
    return {
        "program": "fvcore",
        "counts": total,
        "ours": macs,
        "difference": total - macs,
        "what it counts": f"MACs, which it calls flops: {operators}",
    }
