"""One process of the exactness tests: trains a few steps and writes its results.

Run by test_distributed, with the environment that torchrun would set:
python -m tests.placement.worker FOLDER
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
from typing import Any

import torch
from torch import Tensor

from alexcli.config.compose import compose
from alexcli.errors import UsageError
from alexcli.losses import training_loss
from alexcli.model.net import all_named_parameters
from alexcli.model.towers import Towers
from alexcli.optim.groups import build_optimizer
from alexcli.placement.base import Placement
from alexcli.placement.distributed import DistributedPlacement, leave
from alexcli.placement.environment import ProcessEnvironment, distributed_env
from alexcli.rng import DropoutContext
from alexcli.schema import TrainSpec

# The second batch of each epoch is smaller, and odd shares are unequal.
BATCH_SIZE = 5
IMAGES = 8
CLASSES = 7
CPU = torch.device("cpu")


@dataclass(frozen=True)
class Case:
    """A net under a placement."""

    model: str
    towers: int
    processes: int
    kind: str = "distributed"
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
        base = _base_spec(self.model)
        dropout = replace(base.model.dropout, rate=self.dropout)
        return replace(base, model=replace(base.model, towers=self.towers, dropout=dropout))


CASES = [
    *(
        Case(model, towers, processes, dropout=dropout, dtype=dtype)
        for model in ("alexnet", "alexnet_145")
        for towers, processes in ((2, 2), (2, 4), (4, 4))
        for dropout, dtype in ((0.0, "float64"), (0.5, "float64"), (0.0, "float32"))
    ),
    Case("alexnet", 2, 4, kind="ddp"),
    Case("alexnet", 2, 2, kind="ddp", dropout=0.5),
]

TRAFFIC_OVERRIDES = ["model.width=0.25", "model.dropout.rate=0"]
TRAFFIC_BATCH = 8
ARRIVAL_SECONDS = 0.2


@functools.cache
def _base_spec(model: str) -> TrainSpec:
    """The net at reduced width, on images that are small but whole for its layers."""
    side = 67 if model == "alexnet" else 66  # 67 fits conv1, 66 makes the 2012 net round up
    overrides = [
        f"model={model}",
        f"model.input.size={side}",
        "model.width=0.0625",
        f"model.classes={CLASSES}",
        "model.init=he",  # a std of 0.01 kills the signal in so narrow a net
        f"optim.batch_size={BATCH_SIZE}",
        "optim.lr=0.01",
        "experiment=null",
        "data.root=.",
    ]
    return compose(overrides, TrainSpec)


def train(case: Case, placement: Placement) -> dict[str, Any]:
    """Train the towers of this process for a few steps.

    Returns:
        `losses` of all steps, (steps,); `grads` of the first step and `weights` after the last, by
        the names of this process's parameters.
    """
    spec = case.spec()
    dtype = getattr(torch, case.dtype)
    net = Towers(
        spec.model, local_towers=placement.local_towers, exchange=placement.exchange, seed=1
    ).to(dtype)
    placement.place(net)
    placement.register_gradient_hooks(net)
    optimizer = build_optimizer(all_named_parameters(net), spec.optim)
    images, labels = _images_and_labels(spec.model.input.size)
    losses = []
    gradients = {}
    for step in range(case.steps):
        before = step % 2 * BATCH_SIZE
        rows = min(BATCH_SIZE, IMAGES - before)
        first, end = placement.share(rows)
        share = slice(before + first, before + end)
        scores = net(images[share].to(dtype), DropoutContext(seed=0, step=step, row=first))
        loss = training_loss(scores, labels[share], rows, label_smoothing=0.0)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        placement.wait_gradients()
        losses.append(placement.all_reduce_sum(loss.detach()))
        if step == 0:
            gradients = {n: p.grad.clone() for n, p in net.named_parameters() if p.grad is not None}
        optimizer.step()
    return {"losses": torch.stack(losses), "grads": gradients, "weights": net.state_dict()}


def _images_and_labels(side: int) -> tuple[Tensor, Tensor]:
    """Random images, (IMAGES, 3, side, side) float64, and their labels."""
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(IMAGES, 3, side, side, generator=generator, dtype=torch.float64) * 3
    labels = torch.randint(CLASSES, (IMAGES,), generator=generator)
    return images, labels


def bytes_sent() -> int:
    """Bytes that this process has sent over TCP and that have arrived, by the kernel's count."""
    total = 0
    for file in Path("/proc/self/fd").iterdir():
        try:
            with socket.socket(fileno=os.dup(int(file.name))) as copy:
                info = copy.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
        except OSError:
            continue  # not a TCP socket
        (acknowledged,) = struct.unpack_from("Q", info, 120)  # tcpi_bytes_acked of linux/tcp.h
        total += acknowledged
    return total


def measure_traffic(placement: Placement) -> dict[str, int]:
    """Bytes that this process sends in an update, forward and backward."""
    spec = compose(["experiment=null", "data.root=.", *TRAFFIC_OVERRIDES], TrainSpec)
    net = Towers(spec.model, local_towers=placement.local_towers, exchange=placement.exchange)
    x = torch.zeros(TRAFFIC_BATCH, 3, 227, 227)
    net(x)  # connections are made
    before_forward = _bytes_at_rest(placement)
    loss = net(x).sum()
    time.sleep(ARRIVAL_SECONDS)
    forward = bytes_sent() - before_forward
    before_backward = _bytes_at_rest(placement)
    loss.backward()
    time.sleep(ARRIVAL_SECONDS)
    backward = bytes_sent() - before_backward
    return {"forward": forward, "backward": backward}


def _bytes_at_rest(placement: Placement) -> int:
    """Bytes that this process has sent, once no process sends anything and everything arrived."""
    placement.barrier()
    time.sleep(ARRIVAL_SECONDS)
    return bytes_sent()


def main() -> None:
    """Train every case of this number of processes, in one life."""
    torch.set_num_threads(1)
    folder = Path(sys.argv[1])
    environment = distributed_env()
    assert environment is not None
    rank = environment.rank
    for case in CASES:
        if case.processes == environment.size:
            placement = DistributedPlacement(
                environment, CPU, case.towers, whole_net=case.kind == "ddp"
            )
            torch.save(train(case, placement), folder / f"{case.name}.{rank}.pt")
    if environment.size == 2:
        _measure_and_disagree(environment, folder)
    leave()


def _measure_and_disagree(environment: ProcessEnvironment, folder: Path) -> None:
    """Write the traffic of an update, and the error of ranks that mean different runs."""
    rank = environment.rank
    placement = DistributedPlacement(environment, CPU, 2)
    (folder / f"bytes.{rank}.json").write_text(json.dumps(measure_traffic(placement)))
    facts = {"model.name": "alexnet", "model.width": 0.5 + 0.5 * rank}
    try:
        placement.check_consistent(facts)
    except UsageError as error:
        (folder / f"refused.{rank}.txt").write_text(error.message)


if __name__ == "__main__":
    main()
