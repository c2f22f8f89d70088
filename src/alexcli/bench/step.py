"""`alexcli bench step`: our training step and forward pass beside other nets, interleaved."""

import contextlib
from dataclasses import replace

import torch
from torch import Tensor

from alexcli.bench.harness import Arm, compare, interleave, single_result, timed
from alexcli.bench.rivals import RIVALS, SIDE, Setting, our_work, rival_work
from alexcli.model.shapes import trace
from alexcli.records.benchmark import BenchResult
from alexcli.reporter import Reporter
from alexcli.run.resolve import uses_bf16
from alexcli.schema import Norm, TrainSpec

MATRIX_SIDE = 2048
"""Of the matrices whose product gives the machine's peak."""
TRIAL_IMAGES = 16
"""Images of the batch on which a rival's settings are compared."""
TRIALS = 3
ILSVRC2012_IMAGES = 1_281_167
"""Of the training set (section 2)."""
PAPER_EPOCHS = 90
"""Passes over it (section 5)."""
STORED_BYTES = 256 * 256 * 3
"""Of a raw image in a store."""


def run(
    spec: TrainSpec, batch: int, rounds: int, reporter: Reporter, *, extrapolate: bool
) -> list[BenchResult]:
    """Images per second of ours and of rivals, each rival in its best setting here.

    Args:
        spec: our net, at the paper's size.
        batch: images of 227 pixels.
        rounds: interleaved measurements.
        reporter: receives progress updates.
        extrapolate: also how long 90 epochs of ILSVRC-2012 would take.

    Returns:
        `step/train` and `step/infer` against each rival, and against torchvision's net untouched;
        the share of our step that is response norm; TFLOP/s and the share of the machine's peaks.
    """
    peaks = {"float32": _peak(torch.float32), "bf16": _peak(torch.bfloat16)}
    results = [single_result(f"peak/{name}", "TFLOP/s", [peak]) for name, peak in peaks.items()]
    x = torch.randn(batch, 3, SIDE, SIDE) * 50
    labels = torch.randint(1000, (batch,))
    for kind in ("train", "infer"):
        speeds = _speeds(spec, x, labels, kind, rounds, reporter)
        results += _kind_results(spec, kind, speeds, peaks)
    if extrapolate:
        speed = next(result.value for result in results if result.name == "step/train")
        days = PAPER_EPOCHS * ILSVRC2012_IMAGES / speed / 86400
        results.append(single_result("ilsvrc2012/90_epochs", "days", [days]))
        megabytes = speed * STORED_BYTES / 1e6
        results.append(single_result("ilsvrc2012/data", "MB/s", [megabytes]))
    return results


def _speeds(
    spec: TrainSpec, x: Tensor, labels: Tensor, kind: str, rounds: int, reporter: Reporter
) -> dict[str, list[float]]:
    """Images per second of ours, of ours without norms, and of each rival, by round."""
    train = kind == "train"
    without_norm = replace(spec, model=replace(spec.model, norm=Norm.none))
    arms = {
        "ours": our_work(spec, x).arm(labels, train=train),
        "without": our_work(without_norm, x).arm(labels, train=train),
    }
    for name in RIVALS:
        setting = _best_setting(name, spec, x[:TRIAL_IMAGES], labels[:TRIAL_IMAGES], train=train)
        reporter.note(f"{kind}: {name} is fastest {setting.value}")
        arms[name] = rival_work(name, setting, x).arm(labels, train=train)
    untouched = rival_work("torchvision", Setting.eager, x)
    arms["torchvision_eager"] = untouched.arm(labels, train=train)
    return interleave(arms, rounds, reporter, f"{kind}, {len(x)} images")


def _kind_results(
    spec: TrainSpec, kind: str, speeds: dict[str, list[float]], peaks: dict[str, float]
) -> list[BenchResult]:
    """What the speeds of training steps, or of forward passes, show."""
    ours = speeds["ours"]
    results = [
        compare(f"step/{kind}", "images/s", ours, name, speeds[name])
        for name in (*RIVALS, "torchvision_eager")
    ]
    norm_share = [
        1 - speed / without for speed, without in zip(ours, speeds["without"], strict=True)
    ]
    results.append(single_result(f"step/{kind}/norm", "of the step", norm_share))
    flops = _flops(spec, kind)
    for name, peak in peaks.items():
        share = [speed * flops / 1e12 / peak for speed in ours]
        results.append(single_result(f"step/{kind}/{name}", "of the peak", share))
    teraflops = ours[0] * flops / 1e12
    results.append(single_result(f"step/{kind}/speed", "TFLOP/s", [teraflops]))
    return results


def _flops(spec: TrainSpec, kind: str) -> int:
    """Operations of the products for one image."""
    macs = [shape.macs for shape in trace(spec.model)]
    if kind == "infer":
        return 2 * sum(macs)
    # Backward is twice forward, without the gradient of the images.
    return 2 * (3 * sum(macs) - macs[0])


def _best_setting(name: str, spec: TrainSpec, x: Tensor, labels: Tensor, *, train: bool) -> Setting:
    """The setting in which a rival is fastest here; one that does not run is passed over."""
    settings = [Setting.eager, Setting.channels_last]
    if uses_bf16(spec):
        settings.append(Setting.bf16)
    if name == "torchvision":
        settings.append(Setting.compiled)
    seconds: dict[Setting, float] = {}
    for setting in settings:
        arm = rival_work(name, setting, x).arm(labels, train=train)
        with contextlib.suppress(RuntimeError):  # no compiler
            seconds[setting] = _least_seconds(arm, TRIALS)
    return min(seconds, key=seconds.__getitem__)


def _least_seconds(arm: Arm, trials: int) -> float:
    """Seconds of the fastest of several measurements."""
    return min(seconds for _, seconds in (arm() for _ in range(trials)))


def _peak(dtype: torch.dtype) -> float:
    """TFLOP/s of a large product of matrices, the best of five."""
    matrix = torch.randn(MATRIX_SIDE, MATRIX_SIDE).to(dtype)
    seconds = _least_seconds(timed(1, lambda: matrix @ matrix), 5)
    return 2 * MATRIX_SIDE**3 / 1e12 / seconds
