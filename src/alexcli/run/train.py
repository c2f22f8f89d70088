"""Training a run to its end, from wherever it stands."""

import functools
import itertools
import time
import warnings
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import lightning as L
import torch

from alexcli import __version__
from alexcli.config import flat, to_mapping
from alexcli.data.dataset import Dataset, training_statistics
from alexcli.data.transforms import Batch
from alexcli.errors import UsageError
from alexcli.lit.callbacks import Interruption, Progress, Recorder
from alexcli.lit.datamodule import DataModule
from alexcli.lit.loggers import open_loggers
from alexcli.lit.module import Module
from alexcli.lit.strategies import trainer_devices
from alexcli.memory import reuse_memory
from alexcli.placement.single import Single
from alexcli.results import EpochRow, Reporter, Silent, TrainResult
from alexcli.run import build, checkpoint
from alexcli.run.rundir import RunDirectory, locate
from alexcli.schema import PlacementKind, PlacementSpec, TrainSpec

HARMLESS = (
    # Arrays in memory need no loader processes, and folders choose their own number.
    "does not have many workers",
    "smaller than the logging interval",
    "multi-threaded, use of fork",
    # Lightning 2.6 asks torch's tree specification in a way that torch 2.14 deprecates.
    "LeafSpec",
)


def train(
    spec: TrainSpec,
    reporter: Reporter,
    *,
    resume: str = "auto",
    overrides: Sequence[str] = (),
    arm: str | None = None,
) -> TrainResult:
    """Train, resume, or skip what is finished.

    Args:
        spec: the configuration.
        reporter: told how it goes.
        resume: `auto` (go on from `last`, skip a finished run), `never` (put what is there aside
            and start over), or the path of a run or checkpoint to go on from.
        overrides: what the user typed.
        arm: STUDY/ARM that asks for it: `newest` passes such a run over.

    Raises:
        UsageError: wrong configuration or data; nothing was written.
        RunFailedError: full disk, non-finite loss.
        InterruptedRunError: Ctrl-C; saved.
    """
    reuse_memory()
    placement = build.build_placement(spec)
    reporter = reporter if placement.root else Silent()
    spec, dataset = build.build_data(spec, reporter, overrides=overrides)
    run, other, weights = build.start_of(spec, dataset.fingerprint)
    given = None if resume in ("auto", "never") else locate(resume)[1]
    if given is not None and given.resolve().parent != run.path.resolve():
        raise UsageError.of("run.other_checkpoint", given=given, run=run)
    finished = run.result() if resume == "auto" else None
    facts = flat(to_mapping(spec)["model"], "model.")  # what can be named comes first
    facts |= {"the fingerprint of run and data": run.path.name}
    placement.agree(facts | {"result.json": finished is not None, "alexcli": __version__})
    if finished is not None:
        return TrainResult(str(run.path), finished, skipped=True)
    module, data = _built(spec, dataset, placement, reporter)
    if other is not None:
        weights = module.net.without_others(weights)
        words = build.transfer(module.net, weights, spec.init.layers, other)
        reporter.note(f"weights from {other}: {words}")
    source = given or (run.last if resume == "auto" and run.last.exists() else None)
    step = _step_of(source, module) if source else 0
    placement.agree({"the step to go on from": step})
    if not placement.root:  # which writes nothing, and is told by the root what failed there
        _fit(run, module, data, (source, step), reporter)
        return TrainResult(str(run.path), {}, skipped=False)
    with run.locked():
        if resume == "never" and run.path.exists():
            reporter.note(f"what was there is now in {run.put_aside()}")
        began_on = run.create(spec, dataset.classes)
        with run.logged(reporter) as speaker:
            best = _fit(run, module, data, (source, step), speaker)
        typed = {"command": " ".join(["alexcli train", *overrides]), "arm": arm, "on": began_on}
        result = run.finish("train", _result(run, module, dataset, best) | typed)
    return TrainResult(str(run.path), result, skipped=False)


def _built(
    spec: TrainSpec, dataset: Dataset, placement: Single, reporter: Reporter
) -> tuple[Module, DataModule]:
    if spec.trainer.threads:
        torch.set_num_threads(spec.trainer.threads)
    with placement.in_turn():
        statistics = training_statistics(dataset, functools.partial(reporter.counted, "mean image"))
    data = DataModule(spec, dataset, placement)
    module = Module(
        build.build_net(spec, placement), build.build_preprocess(spec, statistics), data
    )
    words = build.resolve_compile(spec, spec.optim.epochs * data.steps_per_epoch)
    if words == "compiled":
        torch._dynamo.config.suppress_errors = True  # what does not compile runs as it is
        module.net.compile()
    precision, norms = build.resolve_precision(spec).name, spec.model.lrn.impl.name
    reporter.note(
        f"step: {precision}, channels-last, response norms {norms}, fused update, {words}, "
        f"{torch.get_num_threads()} threads"
    )
    module.configure_optimizers()  # finds a parameter without a group before anything is written
    return module, data


def seconds_per_epoch(spec: TrainSpec, steps: int = 4) -> float:
    """What the updates of an epoch take here, from a few after one that is not counted."""
    spec, dataset = build.build_data(replace(spec, placement=PlacementSpec()), Silent())
    placement = build.build_placement(spec)
    module, data = _built(spec, dataset, placement, Silent())
    device, times = module.to(placement.device).device, []
    optimizer, narrow = module.configure_optimizers(), build.is_narrow(spec)
    for done, batch in enumerate(itertools.islice(data.train_dataloader(), steps + 1)):
        moved = Batch(*(part.to(device) for part in batch))
        with torch.autocast(device.type, torch.bfloat16, enabled=narrow):
            loss = module.training_step(moved, done)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        optimizer.zero_grad()
        float(loss.detach())  # waits for a GPU
        times.append(time.monotonic())
    return (times[-1] - times[0]) / max(1, len(times) - 1) * data.steps_per_epoch


def _step_of(source: Path, module: Module) -> int:
    """The step at which a run goes on; UsageError for a checkpoint of another model."""
    loaded = checkpoint.read(source)
    state = module.net.without_others(loaded["state_dict"], prefix="net.")
    checkpoint.check_weights(module, state, source)
    return int(loaded["global_step"])


def _fit(
    run: RunDirectory,
    module: Module,
    data: DataModule,
    start: tuple[Path | None, int],
    speaker: Reporter,
) -> EpochRow | None:
    """Train; the row of the best epoch."""
    spec, sets, (source, step) = module.spec, data.dataset, start
    placement, kind = module.placement, spec.placement.kind
    where = placement.device.type + f", {kind.name}" * (kind is not PlacementKind.single)
    if placement.processes > 1:
        where += f" ({placement.processes} processes, {placement.replicas} replicas)"
    speaker.note(
        f"{run.path}: {spec.model.name} on {len(sets.train)} pictures of {len(sets.classes)} "
        f"classes, {len(sets.val)} to validate; {where}"
    )
    if source is not None:
        speaker.note(f"going on from {source}, step {step}")
    if placement.root:
        run.forget_after(step)
    recorder, interruption = Recorder(run.path, speaker), Interruption(run.path, speaker)
    watching = [Progress(speaker)] if placement.root else []
    with (
        open_loggers(spec, to_mapping(spec), run.path, root=placement.root) as loggers,
        warnings.catch_warnings(),
        interruption.listening(),
    ):
        warnings.filterwarnings("ignore", message=f".*({'|'.join(HARMLESS)})")
        trainer = L.Trainer(
            **trainer_devices(placement),
            precision="bf16-mixed" if build.is_narrow(spec) else "32-true",
            max_epochs=spec.optim.epochs,
            logger=loggers or False,
            callbacks=[recorder, interruption, *watching],
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
            use_distributed_sampler=False,
            default_root_dir=str(run.path),
        )
        trainer.fit(module, datamodule=data, ckpt_path=source, weights_only=True)
    if loggers and spec.logger.offline:
        speaker.note(f"wandb: offline; to send it: wandb sync {run.path}/wandb/offline-run-*")
    return recorder.best


def _result(
    run: RunDirectory, module: Module, dataset: Dataset, best: EpochRow | None
) -> dict[str, Any]:
    """The content of result.json."""
    rows, spec = run.rows(), module.spec
    counts = {"train": len(dataset.train), "val": len(dataset.val), "skipped": dataset.skipped}
    last = {row["split"]: row for row in rows if row["epoch"] == rows[-1]["epoch"]}
    return {
        "model": spec.model.name,
        "seed": spec.seed,
        "classes": len(dataset.classes),
        "epochs": last["val"]["epoch"],
        "steps": module.global_step,
        "seconds": round(module.seconds, 3),
        "parameters": sum(p.numel() for p in module.net.parameters()),
        "last": last,
        "best": asdict(best) if best else None,
        "data": {"fingerprint": dataset.fingerprint, **counts, "note": dataset.note},
    }
