"""`alexcli bench lrn`: the closed form beside torch's operator, forward and backward."""

import statistics
import time
from functools import partial

import torch
from torch import Tensor

from alexcli.bench.harness import Arm, alternate, compare
from alexcli.model.lrn import local_response_norm
from alexcli.results import Measured, Reporter
from alexcli.schema import LrnImpl

# What the norm of one tower sees in layers 1 and 2 (section 3.5): maps, side.
SHAPES = {"conv1": (48, 55), "conv2": (128, 27)}


def run(batch: int, rounds: int, reporter: Reporter) -> list[Measured]:
    """Pictures per second through the norm of one tower, float32.

    Args:
        batch: pictures.
        rounds: alternations.
        reporter: told how it goes.

    Returns:
        For each layer ours in the net's memory order against torch's operator in the order that
        suits it better; then ours in the other order, and in bfloat16.
    """
    found = []
    for layer, (maps, side) in SHAPES.items():
        plain = torch.randn(batch, maps, side, side) * 50
        last = plain.contiguous(memory_format=torch.channels_last)
        seen = {"": last, "/contiguous": plain, "/bf16": last.bfloat16()}
        arms: dict[str, Arm] = {name: partial(_pass, x, LrnImpl.fast) for name, x in seen.items()}
        for name, x in (("torch", plain), ("torch last", last)):
            arms[name] = partial(_pass, x, LrnImpl.reference)  # which is F.local_response_norm
        rates = alternate(arms, rounds, reporter, f"response norm of {layer}")
        theirs = max(rates["torch"], rates["torch last"], key=statistics.median)
        found += [
            compare(f"lrn/{layer}{ending}", "images/s", rates[ending], "torch", theirs)
            for ending in seen
        ]
    return found


def _pass(x: Tensor, impl: LrnImpl) -> tuple[float, float]:
    """Forward and backward once."""
    x = x.detach().requires_grad_()
    gradient = torch.ones_like(x)
    began = time.perf_counter()
    out = local_response_norm(x, size=5, alpha=1e-4, beta=0.75, k=2.0, impl=impl)  # section 3.3
    out.backward(gradient)  # type: ignore[no-untyped-call]
    return len(x), time.perf_counter() - began
