"""One process of the exactness tests: trains a few steps and writes what it has. Run by test_ranks.

usage: python -m tests.placement.worker FOLDER, with the environment that torchrun would set.
"""

import functools
import json
import os
import socket
import struct
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from alexcli.config import compose
from alexcli.draws import At
from alexcli.errors import UsageError
from alexcli.model.towers import Towers, named_in_full
from alexcli.optim import build_optimizer
from alexcli.placement.ranks import Ranks, leave
from alexcli.placement.single import Single
from alexcli.placement.world import world
from alexcli.schema import TrainSpec

BATCH, PICTURES = 5, 8  # the second batch of each epoch is smaller, and odd shares are unequal


@dataclass(frozen=True)
class Case:
    """A net under a placement."""

    model: str
    towers: int
    processes: int
    kind: str = "ranks"
    dropout: float = 0.0
    dtype: str = "float64"

    @property
    def steps(self) -> int:
        """Updates; the float32 promise is about the first step."""
        return 20 if not self.dropout and self.dtype == "float64" else 2

    @property
    def name(self) -> str:
        """For files and test ids."""
        parts = (self.model, self.towers, self.kind, self.processes, self.dropout, self.dtype)
        return "-".join(map(str, parts))

    def spec(self) -> TrainSpec:
        """The case's net, and the learning rule."""
        base = _base(self.model)
        dropout = replace(base.model.dropout, rate=self.dropout)
        return replace(base, model=replace(base.model, towers=self.towers, dropout=dropout))


@functools.cache
def _base(model: str) -> TrainSpec:
    """At reduced width and on small pictures: 67 fits conv1, 66 makes the code's net round up.

    He's rule, because a std of 0.01 kills the signal in so narrow a net.
    """
    words = [f"model={model}", f"model.input.size={67 if model == 'alexnet' else 66}"]
    words += ["model.width=0.0625", "model.classes=7", "model.init=he"]
    words += [f"optim.batch_size={BATCH}", "optim.rate=0.01", "experiment=null", "data.root=."]
    return compose(words, TrainSpec)


CASES = [
    *(
        Case(model, towers, processes, **more)  # type: ignore[arg-type]
        for model in ("alexnet", "alexnet_145")
        for towers, processes in ((2, 2), (2, 4), (4, 4))
        for more in ({}, {"dropout": 0.5}, {"dtype": "float32"})
    ),
    Case("alexnet", 2, 4, kind="ddp"),
    Case("alexnet", 2, 2, kind="ddp", dropout=0.5),
]


def train(case: Case, placement: Single) -> dict[str, dict[str, Tensor] | Tensor]:
    """Losses, gradients of the first step and weights after the last, of what is held here."""
    spec, dtype = case.spec(), getattr(torch, case.dtype)
    net = Towers(spec.model, mine=placement.mine, exchange=placement.exchange, seed=1).to(dtype)
    placement.place(net)
    placement.watch(net)
    optimizer = build_optimizer(named_in_full(net), spec.optim)
    generator = torch.Generator().manual_seed(0)
    side = spec.model.input.size
    pictures = torch.randn(PICTURES, 3, side, side, generator=generator, dtype=torch.float64) * 3
    labels = torch.randint(7, (PICTURES,), generator=generator)
    losses, grads = [], {}
    for step in range(case.steps):
        before = step % 2 * BATCH
        rows = min(BATCH, PICTURES - before)
        first, end = placement.share(rows)
        mine = slice(before + first, before + end)
        scores = net(pictures[mine].to(dtype), At(seed=0, step=step, row=first))
        loss = F.cross_entropy(scores, labels[mine], reduction="sum") / rows
        optimizer.zero_grad()
        loss.backward()
        placement.settle()
        losses.append(placement.total(loss.detach()))
        if step == 0:
            grads = {n: p.grad.clone() for n, p in net.named_parameters() if p.grad is not None}
        optimizer.step()
    return {"losses": torch.stack(losses), "grads": grads, "weights": net.state_dict()}


def sent() -> int:
    """Bytes that this process has sent over TCP and that have arrived, by the kernel's count."""
    total = 0
    for file in Path("/proc/self/fd").iterdir():
        try:
            with socket.socket(fileno=os.dup(int(file.name))) as copy:
                info = copy.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
        except OSError:
            continue  # no TCP socket
        total += struct.unpack_from("Q", info, 120)[0]  # tcpi_bytes_acked of linux/tcp.h
    return total


TRAFFIC = ["model.width=0.25", "model.dropout.rate=0"]
TRAFFIC_BATCH = 8


def count_bytes(placement: Single) -> dict[str, int]:
    """What an update really sends, forward and backward, from this process."""
    spec = compose(["experiment=null", "data.root=.", *TRAFFIC], TrainSpec)
    net = Towers(spec.model, mine=placement.mine, exchange=placement.exchange)
    x = torch.zeros(TRAFFIC_BATCH, 3, 227, 227)
    net(x)  # connections are made
    found = {}
    for phase in ("forward", "backward"):
        placement.barrier()
        time.sleep(0.2)  # until everything has arrived
        before = sent()
        if phase == "forward":
            loss = net(x).sum()
        else:
            loss.backward()
        time.sleep(0.2)
        found[phase] = sent() - before
    return found


def main() -> None:
    """Every case of this number of processes, in one life."""
    torch.set_num_threads(1)
    here = world()
    assert here is not None
    for case in (case for case in CASES if case.processes == here.size):
        together = case.kind == "ddp"
        placement = Ranks(here, torch.device("cpu"), case.towers, together=together)
        torch.save(train(case, placement), Path(sys.argv[1], f"{case.name}.{here.rank}.pt"))
    if here.size == 2:
        placement = Ranks(here, torch.device("cpu"), 2)
        counted = count_bytes(placement)
        Path(sys.argv[1], f"bytes.{here.rank}.json").write_text(json.dumps(counted))
        try:
            placement.agree({"model.name": "alexnet", "model.width": 0.5 + 0.5 * here.rank})
        except UsageError as error:
            Path(sys.argv[1], f"refused.{here.rank}.txt").write_text(error.message)
    leave()


if __name__ == "__main__":
    main()
