import pytest
import torch

from alexcli.analysis.nearest import Nearest, check_neighbor_count
from alexcli.errors import UsageError


def test_streamed_neighbours_are_those_of_all_distances_at_once() -> None:
    generator = torch.Generator().manual_seed(0)
    base = torch.randn(301, 17, generator=generator)
    base[7] = base[200] + 1e-4  # closer than products in float32 can tell
    queries = torch.cat([base[200:201], torch.randn(4, 17, generator=generator)])
    nearest = Nearest(queries, 5)
    for rows in torch.arange(301).split(23):
        nearest.add(base[rows], rows)
        assert nearest.indices.shape[1] <= 5
    differences = queries.double()[:, None] - base.double()[None]
    exact = differences.norm(dim=2).topk(5, largest=False)
    assert torch.equal(nearest.indices, exact.indices)
    torch.testing.assert_close(nearest.distances, exact.values.float())


def test_more_neighbours_than_images_are_refused_with_a_number_that_works() -> None:
    check_neighbor_count(4, 4)
    with pytest.raises(UsageError, match="than there are: 4 training images") as caught:
        check_neighbor_count(5, 4)
    assert caught.value.hint == "nearest=4"
    with pytest.raises(UsageError, match="than there are: 5,000 training images"):
        check_neighbor_count(6000, 5000)
