"""`alexcli bench step`: our training step and forward pass against other nets', interleaved.

Ours is measured against one baseline after another, so that each figure is known early.
"""

import statistics
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from alexcli.bench.baselines import (
    BASELINES,
    SIDE,
    Setting,
    baseline_work,
    compile_now,
    eager_settings,
    our_work,
)
from alexcli.bench.harness import (
    Arm,
    check_batch,
    compare,
    interleave,
    note_each,
    single_result,
    timed,
)
from alexcli.data.names import ILSVRC2012_TRAINING_IMAGES
from alexcli.errors import plural
from alexcli.model.shapes import trace
from alexcli.records.benchmark import BenchResult
from alexcli.reporter import Reporter
from alexcli.run.resolve import uses_bf16
from alexcli.schema import Accelerator, Norm, Precision, TrainSpec

BATCH = 64
"""Images of a step by default."""
ROUNDS = 3
"""Interleaved measurements by default."""
QUICK_BATCH = 8
"""Images of a step with --quick."""
QUICK_ROUNDS = 1
"""Interleaved measurements with --quick."""
MATRIX_SIDE = 2048
"""Side of the matrices whose product measures the machine's peak."""
PAPER_EPOCHS = 90
"""Passes over the training set (section 5)."""
STORED_BYTES = 256 * 256 * 3
"""Size of a raw image in a store."""


def quick_note(batch: int, rounds: int) -> str:
    """A note on what --quick leaves out.

    Args:
        batch: images of a step.
        rounds: interleaved measurements.
    """
    return (
        f"--quick, so these are rough numbers: batches of {batch} (full size: {BATCH}), "
        f"{rounds} of {ROUNDS} rounds, torchvision's net not compiled"
    )


def run(
    spec: TrainSpec,
    batch: int,
    rounds: int,
    reporter: Reporter,
    *,
    extrapolate: bool,
    quick: bool = False,
) -> list[BenchResult]:
    """Images per second of ours and of baselines, each baseline in the setting fastest here.

    Args:
        spec: our net, at the paper's size.
        batch: images of 227 pixels.
        rounds: interleaved measurements.
        reporter: receives progress updates, and each figure as soon as it is known.
        extrapolate: also estimate how long 90 epochs of ILSVRC-2012 would take.
        quick: leave out the compiled baseline.

    Returns:
        The machine's peak in float32, and in bfloat16 if the processor multiplies in it;
        `step/train` and `step/infer` against each baseline, and torchvision's net untouched;
        the share of our step that is response norm; TFLOP/s and the share of each peak.

    Raises:
        UsageError: batches of this size do not fit in memory.
    """
    check_batch(spec, batch)
    x = torch.randn(batch, 3, SIDE, SIDE) * 50
    labels = torch.randint(1000, (batch,))
    passes = [
        Passes(spec, kind, x, labels, rounds, reporter, compiles=not quick)
        for kind in ("train", "infer")
    ]
    return note_each(_figures(spec, passes, extrapolate=extrapolate), reporter)


def _figures(
    spec: TrainSpec, passes: list["Passes"], *, extrapolate: bool
) -> Iterator[BenchResult]:
    """Every figure of the benchmark, one after the other.

    Args:
        spec: our net.
        passes: training steps, then forward passes.
        extrapolate: whether to estimate 90 epochs of ILSVRC-2012.
    """
    peaks = {"float32": _peak(torch.float32)}
    if _multiplies_in_bf16(spec):
        peaks["bf16"] = _peak(torch.bfloat16)
    for name, peak in peaks.items():
        yield single_result(f"peak/{name}", "TFLOP/s", [peak])
    for pass_ in passes:
        yield from pass_.figures(peaks)
    if extrapolate:
        speed = statistics.median(passes[0].our_speeds)
        days = PAPER_EPOCHS * ILSVRC2012_TRAINING_IMAGES / speed / 86400
        yield single_result("ilsvrc2012/90_epochs", "days", [days])
        yield single_result("ilsvrc2012/data", "MB/s", [speed * STORED_BYTES / 1e6])


@dataclass
class Passes:
    """Training steps, or forward passes, of ours and of baselines over the same images."""

    spec: TrainSpec
    """Our net."""
    kind: str
    """train or infer."""
    x: Tensor
    """(N, 3, 227, 227) float32."""
    labels: Tensor
    """(N,) int64."""
    rounds: int
    """Interleaved measurements of ours and each baseline."""
    reporter: Reporter
    """Receives progress updates."""
    compiles: bool
    """Whether torchvision's net is compiled too."""
    our_speeds: list[float] = field(default_factory=list)
    """Images per second of ours, from the rounds with every baseline."""

    def figures(self, peaks: dict[str, float]) -> Iterator[BenchResult]:
        """Measure, and yield one figure after the other.

        Args:
            peaks: TFLOP/s of the machine by dtype.
        """
        ours = our_work(self.spec, self.x).arm(self.labels, train=self._is_training)
        for name in BASELINES:
            yield from self._beside_baseline(ours, name)
        yield self._norm_share(ours)
        teraflops = [speed * self._flops() / 1e12 for speed in self.our_speeds]
        for name, peak in peaks.items():
            shares = [speed / peak for speed in teraflops]
            yield single_result(f"step/{self.kind}/{name}", "of the peak", shares)
        yield single_result(f"step/{self.kind}/speed", "TFLOP/s", teraflops)

    @property
    def _is_training(self) -> bool:
        return self.kind == "train"

    def _beside_baseline(self, ours: Arm, name: str) -> Iterator[BenchResult]:
        """Ours against a baseline in the setting in which it is fastest here."""
        arms = {setting: self._baseline_arm(name, setting) for setting in eager_settings(self.spec)}
        if name == "torchvision" and self.compiles:
            self.reporter.note(f"{self.kind}: compiling torchvision's net, which takes a minute")
            compiled = self._baseline_arm(name, Setting.compiled)
            if compile_now(compiled):
                arms[Setting.compiled] = compiled
            else:
                self.reporter.note(
                    f"{self.kind}: no compiled baseline, as there is no C++ compiler"
                )
        labelled = {setting.value: arm for setting, arm in arms.items()}
        speeds = self._interleave(ours, name, labelled)
        best = max(labelled, key=lambda setting: statistics.median(speeds[setting]))
        self.reporter.note(f"{self.kind}: {name} is fastest {best}")
        metric = f"step/{self.kind}"
        yield compare(metric, "images/s", speeds["ours"], name, speeds[best])
        if name == "torchvision":
            eager = speeds[Setting.eager.value]
            yield compare(metric, "images/s", speeds["ours"], "torchvision_eager", eager)

    def _baseline_arm(self, name: str, setting: Setting) -> Arm:
        return baseline_work(name, setting, self.x).arm(self.labels, train=self._is_training)

    def _norm_share(self, ours: Arm) -> BenchResult:
        """The share of our step that is response norm."""
        without_norm = replace(self.spec, model=replace(self.spec.model, norm=Norm.none))
        arm = our_work(without_norm, self.x).arm(self.labels, train=self._is_training)
        speeds = self._interleave(ours, "ours without norms", {"without": arm})
        shares = [
            1 - speed / without
            for speed, without in zip(speeds["ours"], speeds["without"], strict=True)
        ]
        return single_result(f"step/{self.kind}/norm", "of the step", shares)

    def _interleave(self, ours: Arm, name: str, arms: dict[str, Arm]) -> dict[str, list[float]]:
        """Images per second of ours and of other arms, by round."""
        task = f"{self.kind}, {plural(len(self.x), 'image')}, {name}"
        warm = ["ours"] if self.our_speeds else []
        arms = {"ours": ours, **arms}
        speeds = interleave(arms, self.rounds, self.reporter, task, warm=warm)
        self.our_speeds += speeds["ours"]
        return speeds

    def _flops(self) -> int:
        """Floating-point operations of the products for one image."""
        macs = [shape.macs for shape in trace(self.spec.model)]
        if not self._is_training:
            return 2 * sum(macs)
        # Backward is twice forward, except that the images need no gradient.
        return 2 * (3 * sum(macs) - macs[0])


def _multiplies_in_bf16(spec: TrainSpec) -> bool:
    """Whether the processor has bfloat16 products; otherwise torch emulates them slowly."""
    trainer = replace(spec.trainer, accelerator=Accelerator.cpu, precision=Precision.auto)
    return uses_bf16(replace(spec, trainer=trainer))


def _peak(dtype: torch.dtype) -> float:
    """TFLOP/s of a large matrix product, the best of five."""
    matrix = torch.randn(MATRIX_SIDE, MATRIX_SIDE).to(dtype)
    product = timed(1, lambda: matrix @ matrix)
    seconds = min(product()[1] for _ in range(5))
    return 2 * MATRIX_SIDE**3 / 1e12 / seconds
