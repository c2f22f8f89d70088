"""Several processes: a mesh of replicas by towers with torch.distributed."""

import contextlib
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.device_mesh import init_device_mesh

from alexcli.errors import UsageError
from alexcli.model.exchange import Exchange, LocalExchange
from alexcli.model.net import Net
from alexcli.placement.base import Placement
from alexcli.placement.collective_exchange import CollectiveExchange
from alexcli.placement.environment import ProcessEnvironment
from alexcli.placement.peers import lost_peer_errors, output_on_stderr

COLLECTIVE_TIMEOUT = timedelta(hours=2)
"""A dead process is noticed at once by its closed connection, so this limit matters only for a run
that hangs. It must exceed the time of the pass over the training set for the mean image.
"""


class DistributedPlacement(Placement):
    """One process of a mesh of R replicas by T towers; rank = replica * T + tower.

    Args:
        environment: number of this process, and of all processes.
        device: of this process.
        towers: towers of the net.
        whole_net: whether every process holds all towers (plain data parallelism); the mesh is
            then R x 1.

    Raises:
        LostPeerError: the other processes cannot be reached.
        UsageError: the processes were started for different nets.
    """

    def __init__(
        self,
        environment: ProcessEnvironment,
        device: torch.device,
        towers: int,
        *,
        whole_net: bool = False,
    ) -> None:
        processes_per_replica = 1 if whole_net else towers
        self.environment = environment
        self.device = device
        self.rank = environment.rank
        self.processes = environment.size
        self.replica = environment.rank // processes_per_replica
        self.replicas = environment.size // processes_per_replica
        _join(environment, device)
        self.check_consistent(
            {"model.towers": towers, "processes of a replica": processes_per_replica}
        )
        sizes = (self.replicas, processes_per_replica)
        with output_on_stderr():
            mesh = init_device_mesh(device.type, sizes, mesh_dim_names=("replica", "tower"))
        self._same_tower = mesh.get_group("replica")  # the same tower in every replica
        self._same_replica = mesh.get_group("tower")  # the towers of this replica
        self.exchange: Exchange
        if whole_net:
            self.local_towers = list(range(towers))
            self.exchange = LocalExchange()
        else:
            self.local_towers = [environment.rank % towers]
            self.exchange = CollectiveExchange(self._same_replica)
        self._pending_reductions: list[dist.Work] = []  # of this backward pass, unfinished

    def place(self, net: Net) -> None:
        """Move the towers of this process to its device."""
        net.to(self.device)

    def all_reduce_sum(self, part: Tensor) -> Tensor:
        """The sum of a tensor over replicas."""
        total = part.clone()
        with lost_peer_errors():
            dist.all_reduce(total, group=self._same_tower)
        return total

    def any_process(self, flag: bool) -> bool:
        """Whether the flag is set in any process; the flags are sent from the CPU."""
        count = torch.tensor([float(flag)])
        with lost_peer_errors():
            dist.all_reduce(count)
        return bool(count)

    def check_consistent(self, facts: Mapping[str, Any]) -> None:
        """Check that every process has the same run.

        Args:
            facts: values that must agree, by the name shown in errors.

        Raises:
            UsageError: in every process; it names a rank that differs, the fact and both values.
        """
        facts_by_rank: list[Any] = [None for _ in range(self.processes)]
        with lost_peer_errors():
            dist.all_gather_object(facts_by_rank, dict(facts))
        expected = facts_by_rank[0]
        for rank, rank_facts in enumerate(facts_by_rank):
            for name, value in expected.items():
                if rank_facts.get(name) != value:
                    raise UsageError(
                        f"rank {rank} has {name}={rank_facts.get(name)}, "
                        f"and rank 0 has {name}={value}",
                        hint="start every rank with the same command, code, data and run folder",
                    )

    def barrier(self) -> None:
        """Wait for all processes."""
        self.any_process(False)

    @contextlib.contextmanager
    def local_main_first(self) -> Iterator[None]:
        """Let one process of each machine enter the block first, then the others."""
        is_local_main = self.environment.local_rank == 0
        if not is_local_main:
            self.barrier()
        yield
        if is_local_main:
            self.barrier()

    def gather_to_main(self, part: Any) -> list[Any]:
        """The parts of the first replica's processes; an empty list in every other process."""
        size = self._same_replica.size()
        if self.replica or size == 1:
            return [part] if self.is_main else []
        parts: list[Any] | None = [None for _ in range(size)] if self.is_main else None
        with lost_peer_errors():
            dist.gather_object(part, parts, dst=0, group=self._same_replica)
        return parts or []

    def register_gradient_hooks(self, net: Net) -> None:
        """Sum each gradient over replicas as soon as it is complete, during the backward pass."""
        if self.replicas > 1:
            for parameter in net.parameters():
                parameter.register_post_accumulate_grad_hook(self._sum_gradient)  # type: ignore[no-untyped-call]

    def wait_gradients(self) -> None:
        """Wait until the gradients are summed over replicas."""
        with lost_peer_errors():
            for work in self._pending_reductions:
                work.wait()
        self._pending_reductions.clear()

    def _sum_gradient(self, parameter: Tensor) -> None:
        """Start summing the gradient of a parameter over replicas, in place."""
        assert parameter.grad is not None
        with lost_peer_errors():
            work = dist.all_reduce(parameter.grad, group=self._same_tower, async_op=True)
        assert work is not None
        self._pending_reductions.append(work)


def leave() -> None:
    """Leave the process group, if this process joined one."""
    if dist.is_initialized():
        dist.destroy_process_group()


def _join(environment: ProcessEnvironment, device: torch.device) -> None:
    """Join the process group, once per process.

    Raises:
        LostPeerError: they cannot be reached.
    """
    if dist.is_initialized():
        return
    backend = "gloo"
    if device.type == "cuda":
        torch.cuda.set_device(device)
        backend = "cpu:gloo,cuda:nccl"  # flags and Python objects are sent from the CPU
    with output_on_stderr(), lost_peer_errors():
        dist.init_process_group(
            backend,
            init_method=environment.init_method,
            rank=environment.rank,
            world_size=environment.size,
            timeout=COLLECTIVE_TIMEOUT,
        )
