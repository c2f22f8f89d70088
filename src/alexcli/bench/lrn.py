"""`alexcli bench lrn`: the closed form beside torch's operator, forward and backward."""

import functools
import time

import torch
import torch.nn.functional as F
from torch import Tensor

from alexcli.bench.harness import alternate, compare
from alexcli.memory import reuse_memory
from alexcli.model.lrn import local_response_norm
from alexcli.results import Measured, Reporter

# What the norm of one tower sees in layers 1 and 2 (section 3.5): maps, side.
SHAPES = {"conv1": (48, 55), "conv2": (128, 27)}
ORDERS = {"channels_last": torch.channels_last, "contiguous": torch.contiguous_format}
SIZE, ALPHA, BETA, K = 5, 1e-4, 0.75, 2.0  # section 3.3


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
    reuse_memory()
    found = []
    for layer, (maps, side) in SHAPES.items():
        x = torch.randn(batch, maps, side, side) * 50
        arms = {}
        for order, form in ORDERS.items():
            dense = x.contiguous(memory_format=form)
            arms[f"ours {order}"] = functools.partial(_pass, dense, ours=True)
            arms[f"torch {order}"] = functools.partial(_pass, dense, ours=False)
        narrow = x.bfloat16().contiguous(memory_format=torch.channels_last)
        arms["ours bf16"] = functools.partial(_pass, narrow, ours=True)
        rates = alternate(arms, rounds, reporter, f"response norm of {layer}")
        theirs = max((rates[f"torch {order}"] for order in ORDERS), key=sorted)
        for ending, arm in ("", "channels_last"), ("/contiguous", "contiguous"), ("/bf16", "bf16"):
            name, ours = f"lrn/{layer}{ending}", rates[f"ours {arm}"]
            found.append(compare(name, "images/s", ours, "torch", theirs))
    reporter.close()
    return found


def _pass(x: Tensor, *, ours: bool) -> tuple[float, float]:
    """Forward and backward once."""
    x = x.detach().requires_grad_()
    gradient = torch.ones_like(x)
    began = time.perf_counter()
    if ours:
        out = local_response_norm(x, size=SIZE, alpha=ALPHA, beta=BETA, k=K)
    else:
        out = F.local_response_norm(x, SIZE, SIZE * ALPHA, BETA, K)
    out.backward(gradient)
    return len(x), time.perf_counter() - began
