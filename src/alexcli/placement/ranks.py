"""Many processes: a mesh of replicas by towers over torch.distributed.

Legend: N pictures of a replica, T towers, R replicas, C channels or units of one tower, K classes.
"""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.device_mesh import init_device_mesh

from alexcli.errors import LostPeerError, UsageError
from alexcli.model.towers import Exchange, Towers
from alexcli.placement.single import Single
from alexcli.placement.world import World

PATIENCE = timedelta(hours=2)
"""Of one collective. A dead process is noticed at once, by its closed connection; this only ends a
run that hangs, and must outlast the pass over the training set that makes its mean image.
"""


@contextlib.contextmanager
def peers() -> Iterator[None]:
    """Say that another process is gone, in place of a transport's own words."""
    try:
        yield
    except RuntimeError as error:
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise LostPeerError.of("placement.peer_gone", first=first) from error


def _of_all(part: Tensor, group: dist.ProcessGroup) -> list[Tensor]:
    """The tensors of all towers, in their order, of which this one sends its own."""
    part = part.contiguous()
    parts = [torch.empty_like(part) for _ in range(group.size())]
    with peers():
        dist.all_gather(parts, part, group=group)
    return parts


class _Gather(torch.autograd.Function):
    """Outputs of all towers forward, sums of their gradients backward."""

    @staticmethod
    def forward(ctx: Any, act: Tensor, group: dist.ProcessGroup) -> Tensor:
        """act (N, C, ...) of this tower -> (N, T * C, ...)."""
        ctx.group = group
        return torch.cat(_of_all(act, group), dim=1)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        """(N, T * C, ...) as this tower's readers want it -> (N, C, ...) as all towers' do."""
        towers = ctx.group.size()
        slices = torch.stack(grads[0].chunk(towers, dim=1))
        wanted = torch.empty_like(slices)
        with peers():
            dist.all_to_all_single(wanted, slices, group=ctx.group)
        return wanted.sum(dim=0), None


class Between(Exchange):
    """Towers in processes of their own."""

    def __init__(self, group: dist.ProcessGroup) -> None:
        self.group = group

    def spread(self, x: Tensor, towers: Sequence[int]) -> list[Tensor]:
        """Each process prepares the same pictures itself."""
        return [x]

    def gather(self, acts: Sequence[Tensor]) -> list[Tensor]:
        """(N, C, ...) of this tower -> (N, T * C, ...)."""
        return [_Gather.apply(acts[0], self.group)]

    def reduce(self, parts: Sequence[Tensor]) -> Tensor:
        """(N, K) of this tower -> their sum, of which every process has the same bits.

        Each process computes the whole loss of its replica, so the gradient of the sum is this
        part's already, and nothing is sent back.
        """
        every = _of_all(parts[0].detach(), self.group)
        every[self.group.rank()] = parts[0]
        return super().reduce(every)


class Ranks(Single):
    """A process of a mesh (replica x tower); rank = replica * T + tower.

    Args:
        world: which process this is, of how many.
        device: of this process.
        towers: of the net.
        together: every process holds all towers (plain data parallelism), so the mesh is R x 1.
    """

    def __init__(
        self, world: World, device: torch.device, towers: int, *, together: bool = False
    ) -> None:
        super().__init__(device, towers)
        apart = 1 if together else towers
        self.rank, self.processes, self.world = world.rank, world.size, world
        self.replicas, self.replica = world.size // apart, world.rank // apart
        self._join(world)
        self.agree({"model.towers": towers, "processes of a replica": apart})
        kind = device.type
        mesh = init_device_mesh(kind, (self.replicas, apart), mesh_dim_names=("replica", "tower"))
        self.same_tower, self.same_replica = mesh.get_group("replica"), mesh.get_group("tower")
        if not together:
            self.mine = [world.rank % apart]
            self.exchange = Between(self.same_replica)
        self._summing: list[dist.Work] = []

    def _join(self, world: World) -> None:
        """Meet the other processes, once in the life of this one."""
        if dist.is_initialized():
            return
        cuda = self.device.type == "cuda"
        if cuda:
            torch.cuda.set_device(self.device)
        with peers():
            dist.init_process_group(
                "cpu:gloo,cuda:nccl" if cuda else "gloo",  # small things travel on the CPU
                init_method=world.meeting,
                rank=world.rank,
                world_size=world.size,
                timeout=PATIENCE,
            )

    def total(self, part: Tensor) -> Tensor:
        """The sum over replicas."""
        whole = part.clone()
        with peers():
            dist.all_reduce(whole, group=self.same_tower)
        return whole

    def any(self, flag: bool) -> bool:
        """Whether the flag is set in any process; travels on the CPU."""
        found = torch.tensor([float(flag)])
        with peers():
            dist.all_reduce(found)
        return bool(found)

    def agree(self, facts: Mapping[str, Any]) -> None:
        """Check that every process means the same run.

        Raises:
            UsageError: in every process; names a rank that differs, the fact and both values.
        """
        found: list[Any] = [None] * self.world.size
        with peers():
            dist.all_gather_object(found, dict(facts))
        for rank, theirs in enumerate(found):
            for name, value in found[0].items():
                if (other := theirs.get(name)) != value:
                    known = {"name": name, "theirs": other, "value": value}
                    raise UsageError.of("placement.disagree", rank=rank, **known)

    def barrier(self) -> None:
        """Wait for all processes."""
        self.any(False)

    @contextlib.contextmanager
    def in_turn(self) -> Iterator[None]:
        """One process of each machine first, then the others."""
        if self.world.local_rank:
            self.barrier()
        yield
        if not self.world.local_rank:
            self.barrier()

    def collect(self, part: Any) -> list[Any]:
        """The parts of the first replica's towers, in the root."""
        size = self.same_replica.size()
        if self.replica or size == 1:
            return [part] if self.root else []
        parts: list[Any] = [None] * size
        with peers():
            dist.gather_object(part, parts if self.root else None, dst=0, group=self.same_replica)
        return parts if self.root else []

    def watch(self, net: Towers) -> None:
        """Send each gradient on its way as soon as it is there."""
        if self.replicas > 1:
            for parameter in net.parameters():
                parameter.register_post_accumulate_grad_hook(self._send)  # type: ignore[no-untyped-call]

    def _send(self, parameter: Tensor) -> None:
        assert parameter.grad is not None
        with peers():
            work = dist.all_reduce(parameter.grad, group=self.same_tower, async_op=True)
        assert work is not None
        self._summing.append(work)

    def settle(self) -> None:
        """Wait until the gradients are summed."""
        with peers():
            for work in self._summing:
                work.wait()
        self._summing.clear()


def leave() -> None:
    """Part from the other processes, if they were ever met."""
    if dist.is_initialized():
        dist.destroy_process_group()
