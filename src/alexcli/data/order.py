"""The order of an epoch: a pure function of (seed, epoch), whoever asks for it."""

import torch

from alexcli import draws
from alexcli.data.pictures import Pictures


def epoch_order(pictures: Pictures, *, seed: int, epoch: int, window: int) -> list[int]:
    """Every picture once.

    Pictures that are near (in memory, on this machine's disk) are shuffled as a whole. Those that
    come in chunks from afar are shuffled within windows of a few chunks, chunks drawn in random
    order, so that a chunk is fetched once an epoch and only a window's worth is needed at a time.

    Args:
        pictures: the training set.
        seed: the run's seed.
        epoch: counted from 1.
        window: chunks in a window.
    """
    generator = torch.Generator().manual_seed(draws.key("order", seed, epoch) >> 1)
    groups = pictures.groups()
    if groups is None:
        shuffled: list[int] = torch.randperm(len(pictures), generator=generator).tolist()
        return shuffled
    chunks = torch.randperm(len(groups), generator=generator).tolist()
    order: list[int] = []
    for start in range(0, len(chunks), window):
        near = torch.cat([torch.as_tensor(groups[i]) for i in chunks[start : start + window]])
        order += near[torch.randperm(len(near), generator=generator)].tolist()
    return order
