import numpy as np
import torch

from alexcli.analysis.binary_codes import learn_encoder, measure_recall, pack_signs


def _clusters() -> torch.Tensor:
    """400 standardized vectors of 20 clusters, (400, 32); vector i is of cluster i % 20."""
    generator = torch.Generator().manual_seed(0)
    centres = 4 * torch.randn(20, 32, generator=generator)
    x = centres.repeat(20, 1) + torch.randn(400, 32, generator=generator)
    return (x - x.mean(0)) / x.std(0)


def test_learned_codes_find_their_own_cluster() -> None:
    x = _clusters()
    values = learn_encoder(x, 16)(x)
    bits = values > 0
    distance = (bits[:, None] != bits[None]).sum(dim=2).float()
    same = torch.arange(400)[:, None] % 20 == torch.arange(400)[None] % 20
    assert distance[same].mean() < 0.5 * distance[~same].mean()
    codes = pack_signs(values)
    itself = np.arange(400)[:, None]
    assert measure_recall(codes, codes, itself).among_candidates == 1


def test_learning_is_repeatable_and_draws_nothing_from_torchs_stream() -> None:
    x = _clusters()[:64]
    state = torch.get_rng_state()
    first = learn_encoder(x, 8)(x)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(learn_encoder(x, 8)(x), first)


def test_recall_counts_exact_neighbours_among_the_first() -> None:
    """Codes of 0 to 7 ones: the nearest of no ones have the fewest."""
    base = np.array([[(1 << ones) - 1] for ones in range(8)], dtype=np.uint8)
    query = np.zeros((1, 1), dtype=np.uint8)
    recall = measure_recall(base, query, np.array([[0, 1]]))
    assert (recall.among_first, recall.among_candidates) == (1, 1)
    recall = measure_recall(base, query, np.array([[0, 7]]))
    assert (recall.among_first, recall.among_candidates) == (0.5, 1)
