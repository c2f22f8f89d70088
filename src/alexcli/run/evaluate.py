"""Evaluating trained nets: centre crop or ten crops, under any placement."""

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from alexcli.config import override_run
from alexcli.data.dataset import Dataset
from alexcli.data.pictures import Pictures
from alexcli.data.transforms import CENTER, TEN_CROPS, Batch, Preprocess, View
from alexcli.errors import UsageError
from alexcli.lit.datamodule import DataModule
from alexcli.memory import reuse_memory
from alexcli.metrics import Errors
from alexcli.model.towers import Towers
from alexcli.results import EvalResult, Interval, Reporter, Silent
from alexcli.run import checkpoint
from alexcli.run.build import (
    build_data,
    build_net,
    build_placement,
    build_preprocess,
    resolve_precision,
)
from alexcli.run.rundir import RunDirectory
from alexcli.schema import PlacementSpec, Precision, TrainSpec


def evaluate(
    run: RunDirectory,
    path: Path,
    reporter: Reporter,
    *,
    split: str,
    ten_crop: bool,
    overrides: Sequence[str] = (),
) -> EvalResult:
    """Evaluate one checkpoint.

    Args:
        run: where its configuration is.
        path: the checkpoint.
        reporter: told how it goes.
        split: `val` or `test`.
        ten_crop: average the softmax outputs of ten views (section 4.1).
        overrides: `data.*`, `eval.*`, `placement.*` and `trainer.*` for this evaluation.

    Raises:
        UsageError: the checkpoint, its model or the data do not fit together.
    """
    reuse_memory()
    loaded = checkpoint.read(path)
    spec = placed_spec(run, overrides)
    placement = build_placement(spec)
    reporter = reporter if placement.root else Silent()
    spec, dataset = build_data(spec, reporter)
    _same_classes(loaded["alexcli"]["classes"], dataset, path)
    pictures = _split(dataset, split)
    placement.agree({"checkpoint": checkpoint.weights_digest(loaded["state_dict"])})
    net, preprocess = build_net(spec, placement), build_preprocess(spec, None)
    module = torch.nn.ModuleDict({"net": net, "preprocess": preprocess})
    checkpoint.load_weights(module, net.without_others(loaded["state_dict"], "net."), path)
    device = placement.device
    placement.place(net)
    preprocess.to(device)
    module.eval()
    views = TEN_CROPS if ten_crop else (CENTER,)
    began = time.monotonic()
    errors = Errors(spec.model.classes).to(device)
    bf16 = resolve_precision(spec) is Precision.bf16
    for batch in DataModule(spec, dataset, placement.share).in_order(pictures):
        if isinstance(batch, Exception):
            raise batch
        moved = Batch(*(part.to(device) for part in batch))
        with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16, enabled=bf16):
            scores = _averaged(net, preprocess, moved.images, views)
        errors.update(scores, moved.labels)
        reporter.counted("evaluating", errors.count() * placement.replicas, len(pictures))
    reporter.close()
    errors = errors.over(placement.total)
    protocol = {"resize": dataset.resize, "crop": spec.model.input.size, "views": len(views)}
    return replace(
        _result(_name(run, path), split, protocol, errors),
        checkpoint=str(path),
        data=dataset.fingerprint,
        seconds=round(time.monotonic() - began, 3),
        note=dataset.note,
    )


def placed_spec(run: RunDirectory, overrides: Sequence[str]) -> TrainSpec:
    """A run's configuration for an evaluation, on one device unless the overrides say otherwise."""
    spec = run.read_config()
    # A run of a stranger may not start a download here; who wants one types data.download=true.
    spec = replace(spec, data=replace(spec.data, download=False), placement=PlacementSpec())
    return override_run(spec, overrides)


def _result(name: str, split: str, protocol: dict[str, Any], errors: Errors) -> EvalResult:
    found, n = errors.compute(), errors.count()
    loss, top1, top5 = found["loss"], found["top1_err"], found["top5_err"]
    assert loss is not None
    assert top1 is not None
    return EvalResult(
        name=name,
        split=split,
        protocol=protocol,
        n=n,
        top1_err=top1,
        top5_err=top5,
        loss=loss,
        interval={
            "top1_err": wilson(top1, n),
            "top5_err": None if top5 is None else wilson(top5, n),
        },
    )


def _averaged(net: Towers, preprocess: Preprocess, images: Tensor, views: Sequence[View]) -> Tensor:
    """Logarithm of the softmax outputs averaged over views (section 4.1), (N, K)."""
    total = torch.softmax(net(preprocess.view(images, views[0])).float(), dim=1)
    for view in views[1:]:
        total += torch.softmax(net(preprocess.view(images, view)).float(), dim=1)
    # The clamp keeps the loss of a vanished class finite.
    return (total / len(views)).clamp_min(1e-30).log()


def wilson(error: float, n: int, level: float = 0.95) -> Interval:
    """Wilson's score interval of a fraction of n."""
    from scipy.stats import binomtest

    found = binomtest(round(error * n), n).proportion_ci(level, method="wilson")
    return Interval(level, float(found.low), float(found.high))


def _split(dataset: Dataset, split: str) -> Pictures:
    pictures = {"val": dataset.val, "test": dataset.test}[split]
    if pictures is None:
        raise UsageError("the data has no test set", hint="--split val")
    return pictures


def _same_classes(trained: list[str], dataset: Dataset, path: Path) -> None:
    if trained == dataset.classes:
        return
    differing = sorted(set(trained) ^ set(dataset.classes))[:5]
    raise UsageError(
        f"{path} was trained on {len(trained)} classes and the data has {len(dataset.classes)}; "
        f"they differ in {', '.join(differing)}",
        hint="name the data that it was trained on: data.root=DIR",
    )


def _name(run: RunDirectory, path: Path) -> str:
    where = run.path.resolve()
    name = f"{where.parent.name}/{where.name}"
    return name if path.name == "last.ckpt" else f"{name}/{path.stem}"
