"""`alexcli bench lrn`: the response norm against torch's operator, forward and backward."""

import statistics
import time
from functools import partial

import torch
from torch import Tensor

from alexcli.bench.harness import Arm, compare, interleave, note_each
from alexcli.model.lrn import local_response_norm
from alexcli.records.benchmark import BenchResult
from alexcli.reporter import Reporter
from alexcli.schema import LrnImpl

SHAPES = {"conv1": (48, 55), "conv2": (128, 27)}
"""Input of one tower's norm in layers 1 and 2 (section 3.5): channels, side."""


def run(batch: int, rounds: int, reporter: Reporter) -> list[BenchResult]:
    """Images per second through the norm of one tower, float32.

    Args:
        batch: images.
        rounds: interleaved measurements.
        reporter: receives progress updates.

    Returns:
        For each layer, ours in the net's memory order against torch's operator in the order that
        suits it better; then ours in the other order, and in bfloat16.
    """
    results = []
    for layer, (channels, side) in SHAPES.items():
        contiguous = torch.randn(batch, channels, side, side) * 50
        channels_last = contiguous.contiguous(memory_format=torch.channels_last)
        ours = {"": channels_last, "/contiguous": contiguous, "/bf16": channels_last.bfloat16()}
        arms: dict[str, Arm] = {name: partial(_pass, x, LrnImpl.fast) for name, x in ours.items()}
        # LrnImpl.reference is torch's F.local_response_norm.
        arms["torch"] = partial(_pass, contiguous, LrnImpl.reference)
        arms["torch channels-last"] = partial(_pass, channels_last, LrnImpl.reference)
        speeds = interleave(arms, rounds, reporter, f"response norm of {layer}")
        theirs = max(speeds["torch"], speeds["torch channels-last"], key=statistics.median)
        figures = (
            compare(f"lrn/{layer}{name}", "images/s", speeds[name], "torch", theirs)
            for name in ours
        )
        results += note_each(figures, reporter)
    return results


def _pass(x: Tensor, impl: LrnImpl) -> tuple[float, float]:
    """Forward and backward once: images and seconds."""
    x = x.detach().requires_grad_()
    gradient = torch.ones_like(x)
    start = time.perf_counter()
    out = local_response_norm(x, size=5, alpha=1e-4, beta=0.75, k=2.0, impl=impl)  # section 3.3
    out.backward(gradient)  # type: ignore[no-untyped-call]
    return len(x), time.perf_counter() - start
