"""What all placements have in common."""

import pytest
import torch

from alexcli.placement.single import SinglePlacement


@pytest.mark.parametrize("rows", [1, 2, 5, 128, 131])
@pytest.mark.parametrize("replicas", [1, 2, 3, 7])
def test_shares_cover_a_batch_in_order_and_differ_by_one_at_most(rows: int, replicas: int) -> None:
    placement = SinglePlacement(torch.device("cpu"), 2)
    placement.replicas = replicas
    shares = []
    for replica in range(replicas):
        placement.replica = replica
        shares.append(placement.share(rows))
    covered = [row for first, end in shares for row in range(first, end)]
    assert covered == list(range(rows))
    sizes = [end - first for first, end in shares]
    assert max(sizes) - min(sizes) <= 1
    assert sizes[0] > 0


def test_one_process_agrees_with_itself_and_waits_for_nobody() -> None:
    placement = SinglePlacement(torch.device("cpu"), 2)
    part = torch.ones(2)
    assert placement.is_main
    total = placement.all_reduce_sum(part)
    assert total.equal(part)
    part += 1
    assert total.equal(torch.ones(2)), "the sum has memory of its own"
    assert placement.any_process(True)
    assert not placement.any_process(False)
    assert placement.gather_to_main({"a": 1}) == [{"a": 1}]
    placement.check_consistent({"step": 3})
    placement.barrier()
    placement.wait_gradients()
    with placement.local_main_first():
        pass
