"""Training a run to its end with Lightning, from its start or a checkpoint."""

import contextlib
import functools
import math
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from alexcli.config.mapping import flat, to_mapping
from alexcli.data.cached_statistics import training_statistics
from alexcli.data.dataset import Dataset
from alexcli.errors import plural
from alexcli.lit.datamodule import DataModule
from alexcli.lit.fit import fit
from alexcli.lit.loggers.base import LoggedRun
from alexcli.lit.module import AlexNetModule
from alexcli.model import compiled
from alexcli.optim.groups import settings_warnings
from alexcli.placement.base import Placement
from alexcli.placement.single import SinglePlacement
from alexcli.records.training import EpochRow, TrainResult
from alexcli.reporter import Reporter
from alexcli.run.build import build_net, build_preprocess
from alexcli.run.directory import RunDirectory
from alexcli.run.evaluate import evaluate
from alexcli.run.final_test import has_own_test, measure_test
from alexcli.run.resolve import resolve_compile, resolve_precision, uses_bf16
from alexcli.run.resumption import Resumption, copy_beginning, find_resumption, put_aside
from alexcli.run.start import RunStart, copy_start
from alexcli.schema import PlacementKind, TrainSpec


def run_training(
    spec: TrainSpec,
    dataset: Dataset,
    placement: Placement,
    start: RunStart,
    reporter: Reporter,
    *,
    resume: str,
    named_checkpoint: Path | None,
    extends: RunDirectory | None,
    origin: dict[str, Any],
    conf: Mapping[Path, bytes],
) -> TrainResult | None:
    """Train a run that is not finished; None if another process has finished it meanwhile.

    Args:
        spec: the configuration, fitted to the data.
        dataset: the opened images.
        placement: where the towers are.
        start: the run's directory, and weights to start from.
        reporter: receives progress updates.
        resume: `auto`, `never` or a path, as `train` takes it.
        named_checkpoint: the checkpoint that `resume` names.
        extends: the shorter run that a new one resumes from.
        origin: `command`, `arm` and `extends` of result.json.
        conf: the user's yaml files that the configuration was composed from.

    Raises:
        UsageError: a checkpoint of another model, or one of `build_training`; nothing was written.
        RunFailedError, InterruptedRunError: as `train`.
    """
    run = start.run
    module, data = build_training(spec, dataset, placement, reporter)
    copy_start(module.net, start, spec, reporter)
    if extends is not None:
        _warn_if_compiled_anew(spec, extends, data, reporter)
    with run.locked() if placement.is_main else contextlib.nullcontext():
        placement.barrier()  # no process looks at the run before the main one has locked it
        finished = resume == "auto" and run.result() is not None
        if extends is not None and not run.begun:
            named_checkpoint = extends.last
        resumption = Resumption(starts_over=True)
        if resume != "never":
            resumption = find_resumption(run, named_checkpoint, module, reporter)
        seen = {"result.json": finished, "the step to resume from": resumption.step}
        placement.check_consistent(seen)
        if finished:
            return None
        if not placement.is_main:  # it writes nothing; the main process reports what failed there
            placement.barrier()  # until the checkpoint is in its place
            _fit(run, module, data, resumption, reporter)
            return TrainResult(str(run.path), {}, skipped=False)
        environment = _make_directory(run, module, data, conf, resumption, reporter)
        placement.barrier()
        facts = _train_to_end(run, module, data, resumption, reporter)
        result = run.finish("train", {**facts, **origin, "on": environment})
        run.previous.unlink(missing_ok=True)
    return TrainResult(str(run.path), result, skipped=False)


def _make_directory(
    run: RunDirectory,
    module: AlexNetModule,
    data: DataModule,
    conf: Mapping[Path, bytes],
    resumption: Resumption,
    reporter: Reporter,
) -> dict[str, Any]:
    """Make the directory with the checkpoint to resume from, and return the environment."""
    checkpoint = resumption.copied
    if resumption.starts_over and run.path.exists():
        name = None if checkpoint is None else checkpoint.resolve().name
        kept = run.keep_old()
        reporter.note(f"the old run is kept as {kept}")
        checkpoint = None if name is None else kept / name
    environment = run.create(module.spec, data.dataset.classes, conf)
    if checkpoint is not None:
        copy_beginning(checkpoint, run)
    return environment


def _train_to_end(
    run: RunDirectory,
    module: AlexNetModule,
    data: DataModule,
    resumption: Resumption,
    reporter: Reporter,
) -> dict[str, Any]:
    """Train and measure in the main process, and return what `_result` does, with `test`."""
    spec = module.spec
    with run.logged(reporter) as logging_reporter:
        put_aside(resumption, logging_reporter)
        best = _fit(run, module, data, resumption, logging_reporter)
        facts = _result(run, module, data, best, logging_reporter)
        if spec.eval.test_at_end and has_own_test(data.dataset):
            facts["test"] = measure_test(run, logging_reporter, _alone(module.placement, spec))
    return facts


def build_training(
    spec: TrainSpec, dataset: Dataset, placement: Placement, reporter: Reporter
) -> tuple[AlexNetModule, DataModule]:
    """Build the module and loaders for Lightning, with notes on how a step is carried out.

    Raises:
        UsageError: a parameter without a group, a file that cannot be decoded.
    """
    if spec.trainer.threads:
        torch.set_num_threads(spec.trainer.threads)
    with placement.local_main_first():
        progress = functools.partial(reporter.progress, "mean image")
        statistics = training_statistics(dataset, progress)
    data = DataModule(spec, dataset, placement)
    module = AlexNetModule(build_net(spec, placement), build_preprocess(spec, statistics), data)
    compiled_state = resolve_compile(spec, spec.optim.epochs * data.steps_per_epoch)
    if compiled_state == "compiled":
        torch._dynamo.config.suppress_errors = True  # what does not compile runs uncompiled
        module.net.compile()
    reporter.note(
        f"step: {resolve_precision(spec).name}, channels-last, "
        f"response norms {spec.model.lrn.impl.name}, optimizer {spec.optim.kind.name}, "
        f"{compiled_state}, {plural(torch.get_num_threads(), 'thread')}"
    )
    for remark in settings_warnings(spec.optim):
        reporter.warn(remark)
    _report_loops(placement, reporter)
    module.configure_optimizers()  # refuses a parameter without a group before anything is written
    return module, data


def _report_loops(placement: Placement, reporter: Reporter) -> None:
    """Report that the loops for CPUs are being compiled, or that they cannot be used."""
    if placement.device.type != "cpu":
        return
    if not compiled.available():
        reporter.note(f"response norms and pooling by torch: {compiled.describe()}")
    first_use = compiled.first_use()
    if first_use:
        reporter.note(first_use)


def _warn_if_compiled_anew(
    spec: TrainSpec, extends: RunDirectory, data: DataModule, reporter: Reporter
) -> None:
    """Warn if only one of the shorter and the longer run is compiled: they differ in rounding."""
    lengths = (extends.read_config().optim.epochs, spec.optim.epochs)
    shorter, longer = (resolve_compile(spec, epochs * data.steps_per_epoch) for epochs in lengths)
    if shorter != longer:
        reporter.warn(
            f"{extends.path} was trained {shorter}, and its longer run is {longer}: its rounding "
            "differs from that of a run which is longer from the start (trainer.compile=false "
            "avoids this)"
        )


def _fit(
    run: RunDirectory,
    module: AlexNetModule,
    data: DataModule,
    resumption: Resumption,
    reporter: Reporter,
) -> EpochRow | None:
    """Train from a checkpoint or from the start, and return the row of the best epoch."""
    spec = module.spec
    placement = module.placement
    reporter.note(f"{run.path}: {_summary(module, data.dataset)}")
    if resumption.path is not None:
        source = resumption.copied or resumption.path
        reporter.note(f"resuming from {source}, step {resumption.step:,}")
    if placement.is_main:
        run.forget_after(resumption.step)
    reporter.busy("first step")
    best = fit(
        module,
        data,
        run=_logged_run(run, spec, placement),
        checkpoint=resumption.path,
        bf16=uses_bf16(spec),
        reporter=reporter,
    )
    if placement.is_main and spec.logger.wandb and spec.logger.offline:
        reporter.note(f"wandb: offline; to send it: wandb sync {run.path}/wandb/offline-run-*")
    return best


def _logged_run(run: RunDirectory, spec: TrainSpec, placement: Placement) -> LoggedRun:
    """The run as loggers see it; only those of the main process read its metrics."""
    return LoggedRun(
        directory=run.path,
        config=to_mapping(spec),
        settings=flat(spec),
        rows=run.rows() if placement.is_main else (),
    )


def _summary(module: AlexNetModule, dataset: Dataset) -> str:
    """The model, its data and its device in one line."""
    placement = module.placement
    kind = module.spec.placement.kind
    where = placement.device.type
    if kind is not PlacementKind.single:
        where += f", {kind.name}"
    if placement.processes > 1:
        where += f" ({placement.processes:,} processes, {plural(placement.replicas, 'replica')})"
    return (
        f"{module.spec.model.name} on {plural(len(dataset.train), 'image')} of "
        f"{plural(len(dataset.classes), 'class')}, {len(dataset.val):,} to validate; {where}"
    )


def _alone(placement: Placement, spec: TrainSpec) -> Placement:
    """The placement in which the main process evaluates while the others of the run end."""
    return SinglePlacement(placement.device, spec.model.towers)


def _result(
    run: RunDirectory,
    module: AlexNetModule,
    data: DataModule,
    best: EpochRow | None,
    reporter: Reporter,
) -> dict[str, Any]:
    """The content of result.json without `command`, `arm` and `on`, which `run_training` adds."""
    dataset = data.dataset
    epoch = math.ceil(module.global_step / data.steps_per_epoch)
    last = {row["split"]: row for row in run.rows() if row["epoch"] == epoch}
    if "val" not in last:
        last["val"] = _validated_again(run, module, epoch, reporter)
    return {
        "model": module.spec.model.name,
        "seed": module.spec.seed,
        "classes": len(dataset.classes),
        "epochs": epoch,
        "steps": module.global_step,
        "seconds": round(module.seconds, 3),
        "precision": resolve_precision(module.spec).name,
        "parameters": sum(parameter.numel() for parameter in module.net.parameters()),
        "last": last,
        "best": asdict(best) if best else None,
        "data": {
            "fingerprint": dataset.fingerprint,
            "train": len(dataset.train),
            "val": len(dataset.val),
            "skipped": dataset.skipped,
            "note": dataset.note,
        },
    }


def _validated_again(
    run: RunDirectory, module: AlexNetModule, epoch: int, reporter: Reporter
) -> dict[str, Any]:
    """Validate the last epoch again, because metrics.jsonl has lost its row, and add the row."""
    reporter.warn(f"{run.metrics} lacks the last epoch: its validation error is measured again")
    alone = _alone(module.placement, module.spec)
    evaluation = evaluate([(run, run.last)], reporter, split="val", placement=alone).results[0]
    row = EpochRow(
        step=module.global_step,
        epoch=epoch,
        split="val",
        loss=evaluation.loss,
        top1_err=evaluation.top1_err,
        top5_err=evaluation.top5_err,
        lr=module.trainer.optimizers[0].param_groups[0]["lr"],
        images_per_s=evaluation.n / max(evaluation.seconds, 1e-3),
        time=module.seconds,
    )
    run.append_row(asdict(row))
    return asdict(row)
