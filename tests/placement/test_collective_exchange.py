"""The exchange between processes, with the other tower's part of each collective played here."""

from typing import Any

import pytest
import torch
import torch.distributed as dist
from torch import Tensor

from alexcli.placement.collective_exchange import CollectiveExchange

TOWERS = 2


class SecondOfTwo:
    """A process group in which this process holds the second tower."""

    def rank(self) -> int:
        return 1

    def size(self) -> int:
        return TOWERS


@pytest.fixture
def exchange() -> CollectiveExchange:
    group: Any = SecondOfTwo()
    return CollectiveExchange(group)


def play_first_tower(monkeypatch: pytest.MonkeyPatch, sent: Tensor) -> None:
    """Let the first tower contribute this tensor to every all_gather."""

    def all_gather(parts: list[Tensor], part: Tensor, group: Any) -> None:
        assert len(parts) == group.size()
        parts[0].copy_(sent)
        parts[1].copy_(part)

    monkeypatch.setattr(dist, "all_gather", all_gather)


def test_gather_puts_the_outputs_of_all_towers_in_their_order(
    monkeypatch: pytest.MonkeyPatch, exchange: CollectiveExchange
) -> None:
    play_first_tower(monkeypatch, torch.full((3, 2), 1.0))
    (gathered,) = exchange.gather([torch.full((3, 2), 2.0)])
    assert gathered.tolist() == [[1.0, 1.0, 2.0, 2.0]] * 3


def test_the_gradient_of_gather_is_the_sum_of_what_all_towers_send_back(
    monkeypatch: pytest.MonkeyPatch, exchange: CollectiveExchange
) -> None:
    play_first_tower(monkeypatch, torch.zeros(3, 2))
    outgoing_slices: list[Tensor] = []

    def all_to_all_single(incoming: Tensor, outgoing: Tensor, group: Any) -> None:
        outgoing_slices.append(outgoing)
        incoming[0] = 100.0  # what the first tower's readers send back
        incoming[1] = outgoing[group.rank()]

    monkeypatch.setattr(dist, "all_to_all_single", all_to_all_single)
    act = torch.zeros(3, 2, requires_grad=True)
    (gathered,) = exchange.gather([act])
    gathered.backward(torch.arange(4.0).repeat(3, 1))  # type: ignore[no-untyped-call]
    (outgoing,) = outgoing_slices
    assert outgoing[0].tolist() == [[0.0, 1.0]] * 3  # for the first tower
    assert act.grad is not None
    assert act.grad.tolist() == [[102.0, 103.0]] * 3


def test_reduce_sums_in_the_order_of_the_towers_and_sends_no_gradient(
    monkeypatch: pytest.MonkeyPatch, exchange: CollectiveExchange
) -> None:
    first = torch.tensor([[0.1, 0.2]])
    play_first_tower(monkeypatch, first)
    part = torch.tensor([[0.3, 0.4]], requires_grad=True)
    scores = exchange.reduce([part])
    assert torch.equal(scores, first + part)
    scores.sum().backward()  # type: ignore[no-untyped-call]
    assert part.grad is not None
    assert part.grad.tolist() == [[1.0, 1.0]]


def test_spread_leaves_the_input_here(exchange: CollectiveExchange) -> None:
    x = torch.zeros(1)
    (spread,) = exchange.broadcast(x, [1])
    assert spread is x
