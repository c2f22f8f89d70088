"""A learning-rate range test from the net before its first step; nothing is written."""

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch

from alexcli.analysis.lr import RangeTest
from alexcli.data.cached_statistics import training_statistics
from alexcli.data.dataset import Dataset
from alexcli.data.loader import training_loader
from alexcli.data.transforms import Batch
from alexcli.losses import training_loss
from alexcli.model.net import all_named_parameters
from alexcli.optim.groups import build_optimizer
from alexcli.placement.base import Placement
from alexcli.reporter import Reporter
from alexcli.rng import DropoutContext
from alexcli.run.build import (
    build_data,
    build_net,
    build_placement,
    build_preprocess,
    check_last_batch,
)
from alexcli.run.resolve import uses_bf16
from alexcli.run.start import copy_initial_weights
from alexcli.schema import PlacementSpec, TrainSpec

DIVERGED = 4.0
"""Multiple of the smallest loss so far above which training has diverged."""


def losses_at(spec: TrainSpec, rates: Sequence[float], reporter: Reporter) -> RangeTest:
    """The loss of each batch before the update at each learning rate, one after another.

    Args:
        spec: what `train` would train, on one device.
        rates: values of `optim.lr`, which the groups multiply as in their first epoch.
        reporter: receives progress updates.

    Returns:
        As many losses as there are rates, or fewer if a loss exceeds DIVERGED times the smallest
        one or is not finite: that loss is the last one.

    Raises:
        UsageError: bad data, or a net that does not fit it.
    """
    spec, dataset = build_data(replace(spec, placement=PlacementSpec()), reporter)
    check_last_batch(spec, len(dataset.train))
    placement = build_placement(spec)
    net = build_net(spec, placement).train()
    copy_initial_weights(net, spec, reporter)
    placement.place(net)
    preprocess = build_preprocess(spec, training_statistics(dataset)).to(placement.device)
    optimizer = build_optimizer(all_named_parameters(net), spec.optim)
    multiples = [group["lr"] / spec.optim.lr for group in optimizer.param_groups]
    losses: list[float] = []
    batches = _batches(spec, dataset, placement)
    for step, (rate, (epoch, batch)) in enumerate(zip(rates, batches, strict=False)):
        for group, multiple in zip(optimizer.param_groups, multiples, strict=True):
            group["lr"] = rate * multiple
        device = placement.device.type
        with torch.autocast(device, torch.bfloat16, enabled=uses_bf16(spec)):
            x = preprocess.augment(batch, seed=spec.seed, epoch=epoch)
            scores = net(x, DropoutContext(seed=spec.seed, step=step, row=0)).float()
        loss = training_loss(
            scores, batch.labels, len(x), label_smoothing=spec.optim.label_smoothing
        )
        losses.append(float(loss.detach()))
        if not math.isfinite(losses[-1]) or losses[-1] > DIVERGED * min(losses):
            break
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        optimizer.zero_grad()
        reporter.progress("range test", step + 1, len(rates))
    reporter.close()
    return RangeTest(losses, spec.model.classes)


def _batches(
    spec: TrainSpec, dataset: Dataset, placement: Placement
) -> Iterator[tuple[int, Batch]]:
    """Endless epochs, from 1, and batches in the order of `train`, on the placement's device."""
    step = 0
    loader = training_loader(
        dataset.train,
        batch_size=spec.optim.batch_size,
        seed=spec.seed,
        window=spec.data.window,
        share=placement.share,
        step=lambda: step,
        workers=spec.data.workers,
        device=placement.device,
    )
    for epoch in itertools.count(1):
        for batch in loader:
            yield epoch, Batch(*(part.to(placement.device) for part in batch))
            step += 1
