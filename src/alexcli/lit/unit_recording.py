"""Recording a net's units and weights after each epoch in units.jsonl."""

import contextlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import lightning as L
import torch
from torch import Tensor

from alexcli import run_files
from alexcli.data.transforms import Batch
from alexcli.files import sync
from alexcli.lit.module import VALIDATION_SPLITS, AlexNetModule
from alexcli.model.firing import FiringWatch, weights_of_layers
from alexcli.records.training import QUANTILES, UnitsRow

MOST_WEIGHTS = 4_093
"""Weights per layer for the quantiles; a prime, so that their spacing matches no kernel."""
EAGER_IMAGES = 128
"""Images of the first batch that pass through a compiled net again, uncompiled, since hooks would
change its code.
"""


class UnitRecorder(L.Callback):
    """Adds a line to units.jsonl after each epoch, from its validation pass.

    It runs before the callback that saves the epoch's checkpoint: a line without a checkpoint is
    dropped when the run resumes, and no line is missing.

    Args:
        directory: the run directory.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._row: UnitsRow | None = None
        self._watch: FiringWatch | None = None
        self._watching = contextlib.ExitStack()

    def on_validation_batch_start(
        self,
        trainer: L.Trainer,
        pl_module: L.LightningModule,
        batch: Batch,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Start watching the net, for batches of the validation set only."""
        assert isinstance(pl_module, AlexNetModule)
        if VALIDATION_SPLITS[dataloader_idx] != "val":
            return
        if self._watch is None:
            self._watch = FiringWatch(pl_module.net)
        if not pl_module.net.is_compiled:
            self._watch.begin_pass(len(batch.labels))
            self._watching.enter_context(self._watch.watching())
        elif batch_idx == 0:
            images = batch.images[:EAGER_IMAGES]
            self._watch.begin_pass(len(images))
            with self._watch.watching():
                pl_module.net.forward(pl_module.preprocess.crop(images))

    def on_validation_batch_end(self, *_: Any) -> None:
        """Stop watching."""
        self._watching.close()

    def on_validation_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Combine the results of all processes."""
        assert isinstance(pl_module, AlexNetModule)
        watch, self._watch = self._watch, None
        if watch is None:
            return
        placement = pl_module.placement
        images = torch.tensor(float(watch.images), device=placement.device)
        part = {
            "alive": _alive_in_any_replica(watch.alive, pl_module),
            "weights": {
                layer: {tower: _sample(weight, len(towers)) for tower, weight in towers.items()}
                for layer, towers in weights_of_layers(pl_module.net).items()
            },
        }
        images = placement.all_reduce_sum(images)
        parts = placement.gather_to_main(part)
        if trainer.is_global_zero:
            alive = _concatenate_towers([each_part["alive"] for each_part in parts])
            weights = _concatenate_towers([each_part["weights"] for each_part in parts])
            self._row = UnitsRow(
                step=pl_module.global_step,
                epoch=pl_module.last_epoch,
                images=int(images),
                dead={
                    layer: int((flags == 0).sum()) / len(flags) for layer, flags in alive.items()
                },
                weights={layer: _quantiles(sample) for layer, sample in weights.items()},
            )

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Add the line of the epoch."""
        row, self._row = self._row, None
        if row is not None:
            path = self.directory / run_files.UNITS
            with path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(asdict(row)) + "\n")
            sync(path)


ByTower = Mapping[str, Mapping[int, Tensor]]
"""Tensors by layer and tower."""


def _alive_in_any_replica(alive: ByTower, module: AlexNetModule) -> dict[str, dict[int, Tensor]]:
    """Which channels of this process's towers are alive in any replica, 0 or 1, on the CPU."""
    flags = [flag for towers in alive.values() for flag in towers.values()]
    if not flags:
        return {}
    device = module.placement.device
    seen = module.placement.all_reduce_sum(torch.cat([flag.float().to(device) for flag in flags]))
    seen = seen.clamp(max=1).cpu()
    merged: dict[str, dict[int, Tensor]] = {}
    start = 0
    for layer, towers in alive.items():
        for tower, flag in towers.items():
            merged.setdefault(layer, {})[tower] = seen[start : start + len(flag)]
            start += len(flag)
    return merged


def _sample(weights: Tensor, towers: int) -> Tensor:
    """Evenly spaced weights of a tower's share of a layer, as a vector on the CPU.

    Args:
        weights: of any shape.
        towers: number of towers among which MOST_WEIGHTS are divided.
    """
    row = weights.flatten()
    count = min(len(row), MOST_WEIGHTS // towers)
    places = torch.arange(count, device=row.device) * len(row) // max(1, count)
    return row[places].float().cpu()


def _concatenate_towers(parts: list[ByTower]) -> dict[str, Tensor]:
    """By layer, the tensors of all towers of all processes, concatenated in order."""
    by_layer: dict[str, dict[int, Tensor]] = {}
    for part in parts:
        for layer, towers in part.items():
            by_layer.setdefault(layer, {}).update(towers)
    return {
        layer: torch.cat([towers[tower] for tower in sorted(towers)])
        for layer, towers in by_layer.items()
    }


def _quantiles(weights: Tensor) -> list[float]:
    """The QUANTILES of a vector of weights."""
    quantiles = torch.quantile(weights, torch.tensor(QUANTILES)).tolist()
    return [float(f"{quantile:.6g}") for quantile in quantiles]
