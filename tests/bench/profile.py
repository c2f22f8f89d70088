"""Where the time of a training step and of a forward pass goes, ours beside torchvision's net: by
layer (forward) and by kind of operator (training). Prints, and writes to a file where one is named:

    python -m tests.bench.profile results/speed/profile.json
"""

import json
import statistics
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn
from torch.profiler import ProfilerActivity, profile

from alexcli.bench.harness import record
from alexcli.bench.step import SIDE, build_rival
from alexcli.config import compose
from alexcli.draws import At
from alexcli.memory import reuse_memory
from alexcli.model.layers import Layer
from alexcli.run.build import build_net
from alexcli.schema import TrainSpec

BATCH, ROUNDS = 64, 7
KINDS = {
    "convolution": ("convolution",),
    "fully connected": ("addmm", "::mm", "linear"),
    "response norm": ("alexcli::lrn", "alexcli_lrn"),  # the second waits for the first's threads
    "pooling": ("max_pool", "adaptive"),
    "update": ("fused_sgd", "_foreach"),
}


def nets() -> dict[str, tuple[nn.Module, list[Any]]]:
    """Both nets, and what follows x in a call."""
    spec = compose(["model=alexnet", "data=folder"], TrainSpec)
    theirs = build_rival("torchvision").to(memory_format=torch.channels_last)
    return {"ours": (build_net(spec), [At(seed=0, step=0)]), "torchvision": (theirs, [])}


def forward(net: nn.Module, x: torch.Tensor, more: list[Any]) -> dict[str, float]:
    """Milliseconds of each layer, all towers together, and of our norms; medians."""
    spent: dict[str, list[float]] = defaultdict(list)
    began: dict[nn.Module, float] = {}
    hooks = []
    for name, part in net.named_modules():
        last = name.rpartition(".")[2]
        ours, norm = isinstance(part, Layer), last == "norm"
        if ours or norm or (not list(part.children()) and not isinstance(net, type(part))):
            called = f"{name.split('.')[1]} norm" if norm else last if ours else name
            if not ours and not norm and any(isinstance(m, Layer) for m in net.modules()):
                continue  # within a layer of ours

            def start(part: nn.Module, _: Any) -> None:
                began[part] = time.perf_counter()

            def end(part: nn.Module, _: Any, __: Any, called: str = called) -> None:
                spent[called].append(1e3 * (time.perf_counter() - began[part]))

            hooks += [part.register_forward_pre_hook(start), part.register_forward_hook(end)]
    net.eval()
    with torch.inference_mode():
        for _ in range(ROUNDS + 1):
            net(x, *more)
    for hook in hooks:
        hook.remove()
    towers = {name: len(times) // (ROUNDS + 1) for name, times in spent.items()}
    return {n: round(towers[n] * statistics.median(t[towers[n] :]), 2) for n, t in spent.items()}


def training(net: nn.Module, x: torch.Tensor, more: list[Any]) -> dict[str, float]:
    """Milliseconds of a step by kind of operator, forward and backward together."""
    rule = torch.optim.SGD(net.parameters(), 1e-4, 0.9, fused=True)
    labels = torch.randint(1000, (len(x),))
    net.train()

    def step() -> None:
        F.cross_entropy(net(x, *more), labels).backward()  # type: ignore[no-untyped-call]
        rule.step()
        rule.zero_grad()

    step()
    with profile(activities=[ProfilerActivity.CPU]) as found:
        for _ in range(ROUNDS):
            step()
    spent: dict[str, float] = defaultdict(float)
    for event in found.key_averages():
        known = (kind for kind, words in KINDS.items() if any(w in event.key for w in words))
        spent[next(known, "all else")] += event.self_cpu_time_total / 1e3 / ROUNDS
    return {kind: round(spent[kind], 1) for kind in (*KINDS, "all else")}


def main() -> None:
    """Measure, print and write."""
    reuse_memory()
    x, rows = torch.randn(BATCH, 3, SIDE, SIDE) * 50, []
    x = x.contiguous(memory_format=torch.channels_last)
    for name, (net, more) in nets().items():
        for what, spent in (
            ("forward", forward(net, x, more)),
            ("training", training(net, x, more)),
        ):
            rows.append({"net": name, "pass": what, "pictures": BATCH, "ms": spent})
            print(name, what, round(sum(spent.values())), "ms", spent)
    if len(sys.argv) > 1:
        whole = record(rows, f"python -m tests.bench.profile {sys.argv[1]}")
        Path(sys.argv[1]).write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
