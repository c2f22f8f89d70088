"""`alexcli bench step`: our training step and forward pass beside other nets, alternated."""

import functools
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from alexcli.bench.harness import Arm, alone, alternate, compare
from alexcli.bench.loop import loops
from alexcli.bench.rivals import HalvesNorm, Setting, port, stepper
from alexcli.draws import At
from alexcli.memory import reuse_memory
from alexcli.model.shapes import trace
from alexcli.optim import build_optimizer
from alexcli.results import Measured, Reporter
from alexcli.run.build import build_net, resolve_precision
from alexcli.schema import ModelSpec, Norm, Precision, TrainSpec

SIDE = 227
GEMM = 2048  # side of the matrices whose product gives the machine's peak
TRIED = 16  # pictures of the batch on which a rival's settings are compared
# ILSVRC-2012's training set, the paper's passes over it (sections 2 and 5), bytes of a picture.
PICTURES, EPOCHS, STORED = 1_281_167, 90, 256 * 256 * 3


def _torchvision() -> nn.Module:
    from torchvision.models import alexnet  # type: ignore[import-untyped]

    return alexnet()  # type: ignore[no-any-return]


RIVALS: dict[str, Callable[[], nn.Module]] = {
    "port": functools.partial(port, nn.LocalResponseNorm),
    "grouped": functools.partial(port, HalvesNorm),
    "no_lrn": functools.partial(port, None),
    "torchvision": _torchvision,
}


def run(
    spec: TrainSpec, batch: int, rounds: int, reporter: Reporter, *, extrapolate: bool
) -> list[Measured]:
    """Pictures per second of ours and of rivals, each rival in its best setting here.

    Args:
        spec: our net, at the paper's size.
        batch: pictures of 227 pixels.
        rounds: alternations.
        reporter: told how it goes.
        extrapolate: also how long 90 epochs of ILSVRC-2012 would take.

    Returns:
        `step/train` and `step/infer` against each rival, and against torchvision's net untouched;
        the share of our step that is response norm; TFLOP/s and shares of the machine's peaks;
        Lightning's loop against a bare one; peak memory.
    """
    reuse_memory()
    bf16 = resolve_precision(spec) is Precision.bf16
    peaks = [_peak(kind) for kind in (torch.float32, torch.bfloat16)]
    x, labels = torch.randn(batch, 3, SIDE, SIDE) * 50, torch.randint(1000, (batch,))
    found = []
    for training in (True, False):
        kind = "train" if training else "infer"
        arms = {"ours": _timed(ours(spec, x, labels, training=training), batch)}
        bare = replace(spec, model=replace(spec.model, norm=Norm.none))
        arms["without"] = _timed(ours(bare, x, labels, training=training), batch)
        for name, make in RIVALS.items():
            tried = [Setting(), Setting(channels_last=True)] + [Setting(True, True)] * bf16
            tried += [replace(tried[-1], compiled=True)] * (name == "torchvision")
            best = _best(make, tried, x[:TRIED], labels[:TRIED], training)
            reporter.note(f"{kind}: {name} runs best {best.words()}")
            arms[name] = _timed(stepper(make(), best, x, labels, training=training), batch)
        untouched = stepper(_torchvision(), Setting(), x, labels, training=training)
        arms["torchvision_eager"] = _timed(untouched, batch)
        rates = alternate(arms, rounds, reporter, f"{kind}, {batch} pictures")
        for name in (*RIVALS, "torchvision_eager"):
            against = compare(f"step/{kind}", "images/s", rates["ours"], name, rates[name])
            found.append(against)
        norm = [1 - a / b for a, b in zip(rates["ours"], rates["without"], strict=True)]
        found.append(alone(f"step/{kind}/norm_share", "of the step", norm))
        speed = [rate * _flops(spec.model, training=training) / 1e12 for rate in rates["ours"]]
        found.append(alone(f"step/{kind}/arithmetic", "TFLOP/s", speed))
        for name, peak in zip(("float32", "bf16"), peaks, strict=True):
            share = [one / peak for one in speed]
            found.append(alone(f"step/{kind}/{name}_peak", "of the peak", share))
    for name, peak in zip(("float32", "bf16"), peaks, strict=True):
        found.append(alone(f"peak/{name}", "TFLOP/s", [peak]))
    found += loops(spec, rounds, reporter)
    found.append(_memory(batch))
    if extrapolate:
        rate = found[0].value
        found.append(alone("ilsvrc2012/90_epochs", "days", [EPOCHS * PICTURES / rate / 86400]))
        found.append(alone("ilsvrc2012/data", "MB/s", [rate * STORED / 1e6]))
    reporter.close()
    return found


def ours(spec: TrainSpec, x: Tensor, labels: Tensor, *, training: bool) -> Callable[[], None]:
    """One training step of our net under the paper's rule, or one forward pass."""
    net = build_net(spec)
    optimizer = build_optimizer(list(net.named_parameters()), spec.optim)
    bf16 = resolve_precision(spec) is Precision.bf16

    def scores() -> Tensor:
        with torch.autocast(x.device.type, torch.bfloat16, enabled=bf16):
            return net(x, At(seed=0, step=0)).float()  # type: ignore[no-any-return]

    def step() -> None:
        net.train(training)
        if not training:
            with torch.inference_mode():
                scores()
            return
        F.cross_entropy(scores(), labels).backward()
        optimizer.step()
        optimizer.zero_grad()

    return step


def _timed(step: Callable[[], None], units: int) -> Arm:
    def arm() -> tuple[float, float]:
        began = time.perf_counter()
        step()
        return units, time.perf_counter() - began

    return arm


def _best(
    make: Callable[[], nn.Module], tried: list[Setting], x: Tensor, labels: Tensor, training: bool
) -> Setting:
    """The setting in which a rival is fastest here; one that does not run is passed over."""
    rates = {}
    for setting in tried:
        step = stepper(make(), setting, x, labels, training=training)
        try:
            rates[setting] = max(u / s for u, s in (_timed(step, 1)() for _ in range(3)))
        except RuntimeError:  # no compiler, no operator for this type
            continue
    return max(rates, key=lambda setting: rates[setting])


def _peak(kind: torch.dtype) -> float:
    """TFLOP/s of a large product of matrices, the best of five."""
    a = torch.randn(GEMM, GEMM).to(kind)
    seconds = [_timed(lambda: torch.mm(a, a), 1)()[1] for _ in range(5)]  # type: ignore[arg-type, return-value]
    return 2 * GEMM**3 / min(seconds) / 1e12


def _flops(model: ModelSpec, *, training: bool) -> float:
    """Of the products for one picture; backward is twice forward, less the input's gradient."""
    macs = [shape.macs for shape in trace(model)]
    return 2.0 * (3 * sum(macs) - macs[0] if training else sum(macs))


def _memory(batch: int) -> Measured:
    """Peak resident memory of a process that makes two training steps, and of the port's."""
    sizes = {}
    for name in ("ours", "port"):
        code = f"from alexcli.bench.step import resident; print(resident({name!r}, {batch}))"
        child = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
        sizes[name] = int(child.stdout)
    return replace(
        compare("memory/train", "bytes", [sizes["port"]], "port", [sizes["ours"]]),
        value=sizes["ours"],
    )


def resident(name: str, batch: int) -> int:
    """Peak resident bytes of this process after two training steps of ours or a rival."""
    from alexcli.config import compose

    reuse_memory()
    x, labels = torch.randn(batch, 3, SIDE, SIDE) * 50, torch.randint(1000, (batch,))
    spec = compose(["model=alexnet", "data=folder"], TrainSpec)
    step = (
        ours(spec, x, labels, training=True)
        if name == "ours"
        else stepper(RIVALS[name](), Setting(), x, labels, training=True)
    )
    step()
    step()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
