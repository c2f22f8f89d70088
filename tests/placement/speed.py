"""Step times: single against a fused grouped net, and two processes against two threads.

usage: python -m tests.placement.speed OUT.json [BATCH] [ROUNDS]      (two CPU cores, nothing else)
"""

import ast
import inspect
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import tokenize
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from alexcli.config import compose
from alexcli.draws import At
from alexcli.model.lrn import LocalResponseNorm
from alexcli.model.towers import Towers, named_in_full
from alexcli.optim import build_optimizer
from alexcli.placement.ranks import Ranks, leave
from alexcli.placement.single import Single
from alexcli.placement.world import world
from alexcli.run.rundir import environment
from alexcli.schema import TrainSpec
from tests.oracles import GroupedAlexNet

WARM_UP = 2


def spec() -> TrainSpec:
    """The paper's net at full size, without dropout, which the grouped net has not."""
    return compose(["experiment=null", "data.root=.", "model.dropout.rate=0"], TrainSpec)


class Fused(GroupedAlexNet):
    """Grouped convolutions with the same normalisation as ours, so that only the towers differ."""

    def __init__(self) -> None:
        super().__init__(1, 1000, 1e-4)
        self.lrn = LocalResponseNorm(spec().model.lrn)

    def norm(self, x: Tensor) -> Tensor:
        """Within each half of the maps."""
        return torch.cat([self.lrn(half) for half in x.chunk(2, dim=1)], dim=1)


def stepper(net: nn.Module, placement: Single, batch: int) -> Callable[[], float]:
    """One update, timed: forward, loss, backward, exchange, learning rule."""
    named = named_in_full(net) if isinstance(net, Towers) else list(net.named_parameters())
    optimizer = build_optimizer(named, spec().optim)
    x, labels = torch.randn(batch, 3, 227, 227) * 50, torch.arange(batch)

    def step() -> float:
        began = time.perf_counter()
        optimizer.zero_grad()
        scores = net(x, At(0, 0)) if isinstance(net, Towers) else net(x)
        F.cross_entropy(scores, labels).backward()
        placement.settle()
        optimizer.step()
        return time.perf_counter() - began

    return step


def towers(placement: Single) -> Towers:
    """Our net as a placement holds it."""
    return Towers(spec().model, mine=placement.mine, exchange=placement.exchange)


def follow(batch: int) -> None:
    """A rank that makes an update for each line that it reads, and answers with its time."""
    torch.set_num_threads(1)
    here = world()
    assert here is not None
    placement = Ranks(here, torch.device("cpu"), 2)
    step = stepper(towers(placement), placement, batch)
    print("ready", flush=True)
    for _ in sys.stdin:
        print(step(), flush=True)
    leave()


def two_ranks(folder: str, batch: int) -> Callable[[], float]:
    """An update of two processes, timed by the slower."""
    children = []
    for rank in (0, 1):
        here = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": 2, "LOCAL_WORLD_SIZE": 2}
        environ = {**os.environ, **{name: str(value) for name, value in here.items()}}
        environ |= {"ALEXCLI_MEETING": f"{folder}/meeting", "OMP_NUM_THREADS": "1"}
        words = [sys.executable, "-m", "tests.placement.speed", "--rank", str(batch)]
        pipe = subprocess.PIPE
        children.append(subprocess.Popen(words, stdin=pipe, stdout=pipe, text=True, env=environ))
    for child in children:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"

    def step() -> float:
        for child in children:
            assert child.stdin is not None
            child.stdin.write("go\n")
            child.stdin.flush()
        return max(float(child.stdout.readline()) for child in children if child.stdout)

    return step


def alternate(
    ours: Callable[[], float], theirs: Callable[[], float], rounds: int
) -> dict[str, float]:
    """Medians in seconds, and the median of the ratios of neighbouring steps."""
    pairs = [(ours(), theirs()) for _ in range(WARM_UP + rounds)][WARM_UP:]
    ratios = [one / other for one, other in pairs]
    return {
        "seconds": statistics.median(one for one, _ in pairs),
        "against_seconds": statistics.median(other for _, other in pairs),
        "ratio_median": statistics.median(ratios),
        "ratio_min": min(ratios),
        "ratio_max": max(ratios),
        "n": len(ratios),
    }


def code_lines(folder: Path) -> int:
    """Lines that are neither blank, comment nor docstring."""
    total = 0
    for path in folder.glob("*.py"):
        strings = {
            line
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
            for line in range(node.lineno, (node.end_lineno or 0) + 1)
        }
        with path.open("rb") as file:
            tokens = [t for t in tokenize.tokenize(file.readline) if t.string.strip()]
        words = [t for t in tokens if t.type not in (tokenize.COMMENT, tokenize.ENCODING)]
        lines = {n for t in words for n in range(t.start[0], t.end[0] + 1)}
        total += len(lines - strings)
    return total


def main() -> None:
    """Measure both and write them with their command."""
    if sys.argv[1] == "--rank":
        follow(int(sys.argv[2]))
        return
    began_on = environment()
    out, batch, rounds = sys.argv[1], *map(int, [*sys.argv[2:], "32", "12"][:2])
    torch.set_num_threads(2)
    single = Single(torch.device("cpu"), 2)
    ours = stepper(towers(single), single, batch)
    grouped = alternate(ours, stepper(Fused(), single, batch), rounds)
    with tempfile.TemporaryDirectory() as folder:
        ranks = alternate(two_ranks(folder, batch), ours, rounds)
    found = {
        "command": f"python -m tests.placement.speed OUT.json {batch} {rounds}",
        "on": began_on,
        "batch": batch,
        "placement_code_lines": code_lines(Path(inspect.getfile(Ranks)).parent),
        "note": "update of alexnet at 227 px in float32 without dropout; ratio = ours / theirs, "
        "alternated step by step",
        "results": [
            {"name": "single, 2 threads", "against": "fused grouped net, 2 threads", **grouped},
            {"name": "ranks, 2 x 1 thread", "against": "single, 2 threads", **ranks},
        ],
    }
    Path(out).write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
