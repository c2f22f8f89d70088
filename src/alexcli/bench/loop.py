"""Lightning's loop beside a bare one over the same step, fed from a prepared store."""

import itertools
import tempfile
import time
import warnings
from dataclasses import replace
from pathlib import Path

import torch

from alexcli.bench.data import picture_tree
from alexcli.bench.harness import Measured, alone, alternate, compare
from alexcli.data.dataset import training_statistics
from alexcli.data.store import open_store
from alexcli.data.transforms import Batch
from alexcli.lit.datamodule import DataModule
from alexcli.lit.module import Module
from alexcli.placement.single import Single
from alexcli.results import Reporter
from alexcli.run.build import build_net, build_preprocess, resolve_precision
from alexcli.run.prepare import prepare
from alexcli.run.train import make_trainer
from alexcli.schema import Encoding, Precision, PrepareSpec, TrainSpec

BATCH, STEPS = 32, 5  # a small batch, so that what a loop adds to a step weighs more


class _Timed(Module):
    """Remembers when each step began."""

    def training_step(self, batch: Batch, batch_idx: int) -> torch.Tensor:
        """As Module's."""
        self.starts = [*getattr(self, "starts", []), time.perf_counter()][-STEPS - 1 :]
        return super().training_step(batch, batch_idx)


def loops(spec: TrainSpec, rounds: int, reporter: Reporter) -> list[Measured]:
    """Pictures per second of Lightning's loop against the bare one, and its wait for data."""
    with tempfile.TemporaryDirectory(prefix="alexcli-bench-") as name:
        folder = Path(name)
        made = PrepareSpec(size=spec.data.size, encoding=Encoding.raw)
        prepare(str(picture_tree(None, folder)), str(folder / "store"), made, reporter)
        store = open_store(str(folder / "store"))
        spec = replace(spec, optim=replace(spec.optim, batch_size=BATCH))
        data, place = DataModule(spec, store), Single(torch.device("cpu"), spec.model.towers)
        module = _Timed(
            spec,
            build_net(spec),
            build_preprocess(spec, training_statistics(store, lambda *_: None)),
            steps_per_epoch=data.steps_per_epoch,
            classes=store.classes,
        )
        precision, waits = resolve_precision(spec), []

        def lightning() -> tuple[float, float]:
            trainer = make_trainer(
                place,
                precision,
                max_epochs=1,
                limit_train_batches=STEPS + 1,
                limit_val_batches=0,
                logger=False,
                callbacks=[],
                default_root_dir=str(folder),
            )
            with warnings.catch_warnings(action="ignore"):
                trainer.fit(module, datamodule=data)
            return STEPS * BATCH, module.starts[-1] - module.starts[0]

        def bare() -> tuple[float, float]:
            optimizer, waited = module.configure_optimizers(), 0.0
            loader = iter(DataModule(spec, store).train_dataloader())
            for number in itertools.count():
                asked = time.perf_counter()
                batch = next(loader)
                got = time.perf_counter()
                if number == 0:
                    began = got
                elif number <= STEPS:
                    waited += got - asked
                if number == STEPS:
                    waits.append(waited / (got - began))
                    return STEPS * BATCH, got - began
                with torch.autocast("cpu", torch.bfloat16, enabled=precision is Precision.bf16):
                    loss = module.training_step(batch, 0)
                loss.backward()  # type: ignore[no-untyped-call]
                optimizer.step()
                optimizer.zero_grad()
            raise AssertionError

        rates = alternate({"lightning": lightning, "bare": bare}, rounds, reporter, "loops")
        found = compare("step/loop", "images/s", rates["lightning"], "bare", rates["bare"])
        return [found, alone("step/wait", "of the time", waits[1:])]
