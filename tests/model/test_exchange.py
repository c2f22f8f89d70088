"""How towers in one memory meet."""

import torch

from alexcli.model.exchange import LocalExchange, sum_in_order


def test_every_tower_reads_the_same_input() -> None:
    x = torch.randn(2, 3)
    inputs = LocalExchange().broadcast(x, [0, 1])
    assert len(inputs) == 2
    assert all(tensor is x for tensor in inputs)


def test_gathered_outputs_are_concatenated_once_in_the_order_of_the_towers() -> None:
    outputs = [torch.zeros(2, 3, 4, 4), torch.ones(2, 3, 4, 4)]
    first, second = LocalExchange().gather(outputs)
    assert first is second
    assert torch.equal(first, torch.cat(outputs, dim=1))


def test_partial_scores_are_added_from_the_first_tower_to_the_last() -> None:
    # In float32 another order of this sum gives another number.
    parts = [torch.tensor(value) for value in (1e8, 1.0, -1e8, 1.0)]
    assert sum_in_order(parts).item() == 1.0
    assert sum_in_order(parts[::-1]).item() != 1.0
    assert LocalExchange().reduce(parts).item() == 1.0
