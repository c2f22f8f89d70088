"""Lightning's loop beside a bare one over the same step, fed from a prepared store, and the peak
memory of a training step beside the port's. Prints, and writes to a file where one is named:

    python -m tests.bench.speed results/speed/loop.json
"""

import itertools
import json
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from dataclasses import asdict, replace
from pathlib import Path

import lightning as L
import torch

from alexcli.bench.data import picture_tree
from alexcli.bench.harness import alone, alternate, compare, record
from alexcli.bench.step import PLAIN, SIDE, arm_of
from alexcli.config import compose
from alexcli.data.dataset import training_statistics
from alexcli.data.prepare import prepare
from alexcli.data.store import open_store
from alexcli.data.transforms import Batch
from alexcli.lit.datamodule import DataModule
from alexcli.lit.module import Module
from alexcli.lit.strategies import trainer_devices
from alexcli.memory import reuse_memory
from alexcli.placement.single import Single
from alexcli.results import Measured, Reporter, Silent
from alexcli.run.build import build_net, build_preprocess, resolve_precision
from alexcli.schema import Encoding, Precision, PrepareSpec, TrainSpec

BATCH, STEPS = 32, 5  # a small batch, so that what a loop adds to a step weighs more


class _Timed(Module):
    """Remembers when each step began."""

    def training_step(self, batch: Batch, batch_idx: int) -> torch.Tensor:
        """As Module's."""
        self.starts = [*getattr(self, "starts", []), time.perf_counter()]
        return super().training_step(batch, batch_idx)


def loops(spec: TrainSpec, rounds: int, reporter: Reporter) -> list[Measured]:
    """Pictures per second of Lightning's loop against the bare one, and its wait for data."""
    with tempfile.TemporaryDirectory(prefix="alexcli-bench-") as name:
        made = PrepareSpec(size=spec.data.size, encoding=Encoding.raw)
        tree = picture_tree(None, Path(name), (STEPS + 1) * BATCH)
        prepare(str(tree), f"{name}/store", made, Silent())
        store = open_store(f"{name}/store")
        spec = replace(spec, optim=replace(spec.optim, batch_size=BATCH))
        data, precision = DataModule(spec, store), resolve_precision(spec)
        preprocess = build_preprocess(spec, training_statistics(store, lambda *_: None))
        module = _Timed(build_net(spec), preprocess, data)
        place, waits = Single(torch.device("cpu"), spec.model.towers), []

        def lightning() -> tuple[float, float]:
            limits = {"limit_train_batches": STEPS + 1, "limit_val_batches": 0, "logger": False}
            trainer = L.Trainer(
                **trainer_devices(place),
                precision="bf16-mixed" if precision is Precision.bf16 else "32-true",
                max_epochs=1,
                enable_checkpointing=False,
                enable_progress_bar=False,
                enable_model_summary=False,
                **limits,
            )
            with warnings.catch_warnings(action="ignore"):
                trainer.fit(module, datamodule=data)
            # Without the first step, which makes the momentum, as in the bare loop.
            return (STEPS - 1) * BATCH, module.starts[-1] - module.starts[-STEPS]

        def bare() -> tuple[float, float]:
            rule, stamps = module.configure_optimizers(), []
            loader = DataModule(spec, store).train_dataloader()
            for batch in itertools.islice(loader, STEPS + 1):
                stamps.append(time.perf_counter())
                with torch.autocast("cpu", enabled=precision is Precision.bf16):
                    loss = Module.training_step(module, batch, 0)
                loss.backward()  # type: ignore[no-untyped-call]
                rule.step()
                rule.zero_grad()
                stamps.append(time.perf_counter())
            whole, ends = stamps[-1] - stamps[1], zip(stamps[1::2], stamps[2::2], strict=False)
            waits.append(sum(got - asked for asked, got in ends) / whole)
            return STEPS * BATCH, whole

        rates = alternate({"lightning": lightning, "bare": bare}, rounds, reporter, "loops")
    found = compare("step/loop", "images/s", rates["lightning"], "bare", rates["bare"])
    return [found, alone("step/wait", "of the time", waits[1:])]


def memory(name: str, batch: int) -> int:
    """Peak resident bytes of a process of its own that makes two training steps."""
    code = f"from tests.bench.speed import resident; print(resident({name!r}, {batch}))"
    return int(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True).stdout)


def resident(name: str, batch: int) -> int:
    """Peak resident bytes of this process after two training steps of ours or a rival."""
    reuse_memory()
    x, labels = torch.randn(batch, 3, SIDE, SIDE) * 50, torch.randint(1000, (batch,))
    arm = arm_of(name, PLAIN, _spec(), x, labels, "train")
    arm()
    arm()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _spec() -> TrainSpec:
    return compose(["model=alexnet", "data=folder"], TrainSpec)


def main() -> None:
    """Measure, print and write."""
    reuse_memory()
    found = loops(_spec(), 5, Silent())
    sizes = {name: memory(name, 128) for name in ("ours", "port")}
    compared = compare("memory/train", "bytes", [sizes["port"]], "port", [sizes["ours"]])
    found.append(replace(compared, value=sizes["ours"]))
    for one in found:
        print(one)
    if len(sys.argv) > 1:
        rows = [asdict(one) for one in found]
        whole = record(rows, f"python -m tests.bench.speed {sys.argv[1]}")
        Path(sys.argv[1]).write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
