"""`alexcli bench profile`: where the time of a step goes, in our net and torchvision's.

By layer in a forward pass, by kind of operator in training, where both nets compute in float32 and
are updated by torch's own SGD.
"""

import statistics
import time
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.profiler import ProfilerActivity, profile

from alexcli.bench.baselines import SIDE, Setting, Work, baseline_work, our_work
from alexcli.bench.harness import check_batch
from alexcli.model.layers import Layer
from alexcli.reporter import Reporter
from alexcli.schema import TrainSpec

OPERATORS = {
    "convolution": ("convolution",),
    "fully connected": ("addmm", "::mm", "linear"),
    # Activation, norm and pooling fused; the second name waits for the threads of the first.
    "response norm": ("alexcli::lrn", "alexcli_lrn", "alexcli::fused", "alexcli_fused"),
    "pooling": ("max_pool", "adaptive"),
    "update": ("fused_sgd", "_foreach"),
}
"""Kinds of operators, by parts of their names in torch's profiler."""
OTHERS = "all else"


def run(spec: TrainSpec, batch: int, rounds: int, reporter: Reporter) -> list[dict[str, Any]]:
    """Milliseconds of each part of a forward pass and of a training step.

    Args:
        spec: our net, at the paper's size.
        batch: images.
        rounds: passes and steps, after one that is not counted.
        reporter: receives progress updates.

    Returns:
        `[{net, pass, images, ms: {part: milliseconds}}]`, medians over the passes and means over
        the steps.

    Raises:
        UsageError: batches of this size do not fit in memory.
    """
    check_batch(spec, batch)
    x = torch.randn(batch, 3, SIDE, SIDE) * 50
    x = x.contiguous(memory_format=torch.channels_last)
    works = {
        "ours": our_work(spec, x),
        "torchvision": baseline_work("torchvision", Setting.channels_last, x),
    }
    rows = []
    for name, work in works.items():
        reporter.note(f"profiling {name}")
        forward = _forward_by_layer(work, rounds)
        rows.append({"net": name, "pass": "forward", "images": batch, "ms": forward})
        training = _training_by_operator(work, batch, rounds)
        rows.append({"net": name, "pass": "training", "images": batch, "ms": training})
    return rows


def _timed_parts(net: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """The modules to time: layers and norms of our nets, modules without children of others."""
    is_ours = any(isinstance(module, Layer) for module in net.modules())
    for path, module in net.named_modules():
        name = path.rpartition(".")[2]
        if is_ours and name == "norm":
            yield f"{path.split('.')[1]} norm", module
        elif isinstance(module, Layer):
            yield name, module
        elif not is_ours and not list(module.children()):
            yield path, module


def _forward_by_layer(work: Work, rounds: int) -> dict[str, float]:
    """Milliseconds of each layer, all towers together, and of our norms; medians."""
    spent: dict[str, list[float]] = defaultdict(list)
    starts: dict[nn.Module, float] = {}
    hooks = []
    for name, module in _timed_parts(work.net):

        def start(module: nn.Module, _inputs: Any) -> None:
            starts[module] = time.perf_counter()

        def end(module: nn.Module, _inputs: Any, _output: Any, name: str = name) -> None:
            spent[name].append(1e3 * (time.perf_counter() - starts[module]))

        hooks += [module.register_forward_pre_hook(start), module.register_forward_hook(end)]
    work.net.eval()
    with torch.inference_mode():
        for _ in range(rounds + 1):
            work.net(*work.inputs)
    for hook in hooks:
        hook.remove()
    milliseconds = {}
    for name, times in spent.items():
        towers = len(times) // (rounds + 1)
        counted = times[towers:]  # without the first pass
        milliseconds[name] = round(towers * statistics.median(counted), 2)
    return milliseconds


def _training_by_operator(work: Work, batch: int, rounds: int) -> dict[str, float]:
    """Milliseconds of a step by kind of operator, forward and backward together."""
    rule = torch.optim.SGD(work.net.parameters(), 1e-4, 0.9, fused=True)
    labels = torch.arange(batch) % 10  # every net has these classes
    work.net.train()

    def step() -> None:
        scores: Tensor = work.net(*work.inputs)
        F.cross_entropy(scores, labels).backward()  # type: ignore[no-untyped-call]
        rule.step()
        rule.zero_grad()

    step()
    with profile(activities=[ProfilerActivity.CPU]) as profiler:
        for _ in range(rounds):
            step()
    spent = dict.fromkeys([*OPERATORS, OTHERS], 0.0)
    for event in profiler.key_averages():
        spent[_kind_of(event.key)] += event.self_cpu_time_total / 1e3 / rounds
    return {kind: round(milliseconds, 1) for kind, milliseconds in spent.items()}


def _kind_of(operator: str) -> str:
    """The kind of an operator of the profiler."""
    for kind, parts in OPERATORS.items():
        if any(part in operator for part in parts):
            return kind
    return OTHERS
