"""`alexcli bench step`: our training step and forward pass beside other nets, alternated."""

import contextlib
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from alexcli.bench.harness import Arm, alone, alternate, compare, timed
from alexcli.draws import At
from alexcli.model.shapes import trace
from alexcli.optim import build_optimizer
from alexcli.results import Measured, Reporter
from alexcli.run.build import build_net, resolve_precision
from alexcli.schema import Norm, Precision, TrainSpec

SIDE = 227
GEMM = 2048  # side of the matrices whose product gives the machine's peak
TRIED = 16  # pictures of the batch on which a rival's settings are compared
# ILSVRC-2012's training set, the paper's passes over it (sections 2 and 5), bytes of a picture.
PICTURES, EPOCHS, STORED = 1_281_167, 90, 256 * 256 * 3
RIVALS = ("port", "grouped", "no_lrn", "torchvision")
PLAIN, LAST, NARROW, COMPILED = "eager", "channels-last", "bf16 channels-last", "compiled"


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
        the share of our step that is response norm; TFLOP/s and the share of the machine's peaks.
    """
    peaks = {"float32": _peak(torch.float32), "bf16": _peak(torch.bfloat16)}
    x, labels = torch.randn(batch, 3, SIDE, SIDE) * 50, torch.randint(1000, (batch,))
    macs = [shape.macs for shape in trace(spec.model)]
    # Backward is twice forward, without the gradient of the pictures.
    flops = {"train": 2 * (3 * sum(macs) - macs[0]), "infer": 2 * sum(macs)}
    without = replace(spec, model=replace(spec.model, norm=Norm.none))
    found = [alone(f"peak/{name}", "TFLOP/s", [peak]) for name, peak in peaks.items()]
    for kind in flops:
        arms = {"ours": arm_of("ours", "", spec, x, labels, kind)}
        arms["without"] = arm_of("ours", "", without, x, labels, kind)
        for name in RIVALS:
            best = _best(name, spec, x[:TRIED], labels[:TRIED], kind)
            reporter.note(f"{kind}: {name} is fastest {best}")
            arms[name] = arm_of(name, best, spec, x, labels, kind)
        arms["torchvision_eager"] = arm_of("torchvision", PLAIN, spec, x, labels, kind)
        rates = alternate(arms, rounds, reporter, f"{kind}, {batch} pictures")
        for name in (*RIVALS, "torchvision_eager"):
            found.append(compare(f"step/{kind}", "images/s", rates["ours"], name, rates[name]))
        norm = [1 - a / b for a, b in zip(rates["ours"], rates["without"], strict=True)]
        found.append(alone(f"step/{kind}/norm", "of the step", norm))
        for name, peak in peaks.items():
            share = [rate * flops[kind] / 1e12 / peak for rate in rates["ours"]]
            found.append(alone(f"step/{kind}/{name}", "of the peak", share))
        found.append(alone(f"step/{kind}/speed", "TFLOP/s", [share[0] * peak]))
    if extrapolate:
        rate = next(one.value for one in found if one.name == "step/train")
        found.append(alone("ilsvrc2012/90_epochs", "days", [EPOCHS * PICTURES / rate / 86400]))
        found.append(alone("ilsvrc2012/data", "MB/s", [rate * STORED / 1e6]))
    return found


class HalvesNorm(nn.LocalResponseNorm):
    """torch's norm on each half of the maps, which never crosses the towers (section 3.5)."""

    def forward(self, x: Tensor) -> Tensor:
        """x (N, C, H, W) -> the same shape."""
        return torch.cat([super(HalvesNorm, self).forward(part) for part in x.chunk(2, 1)], 1)


def build_rival(name: str) -> nn.Module:
    """`torchvision`, or AlexNet as ports write it, one tower with groups of two: `port` norms over
    both groups, `grouped` each alone, `no_lrn` not at all.
    """
    if name == "torchvision":
        from torchvision.models import alexnet  # type: ignore[import-untyped]

        return alexnet()  # type: ignore[no-any-return]
    norms = {"port": nn.LocalResponseNorm, "grouped": HalvesNorm}
    norm = [norms[name](5, 5e-4, 0.75, 2.0)] if name in norms else []
    relu, pool, wide, drop = nn.ReLU(inplace=True), nn.MaxPool2d(3, 2), 4096, nn.Dropout()
    layers = [nn.Conv2d(3, 96, 11, 4), relu, *norm, pool]
    layers += [nn.Conv2d(96, 256, 5, padding=2, groups=2), relu, *norm, pool]
    layers += [nn.Conv2d(256, 384, 3, padding=1), relu]
    layers += [nn.Conv2d(384, 384, 3, padding=1, groups=2), relu]
    layers += [nn.Conv2d(384, 256, 3, padding=1, groups=2), relu, pool, nn.Flatten(), drop]
    layers += [nn.Linear(9216, wide), relu, drop, nn.Linear(wide, wide), relu]
    return nn.Sequential(*layers, nn.Linear(wide, 1000))


def arm_of(name: str, setting: str, spec: TrainSpec, x: Tensor, labels: Tensor, kind: str) -> Arm:
    """A training step or a forward pass: of a rival in a setting, under torch's SGD, or of ours."""
    rule: torch.optim.Optimizer
    given: list[Tensor | At]
    bf16 = setting == NARROW
    if name in RIVALS:
        net = build_rival(name)
        if setting != PLAIN:
            net = net.to(memory_format=torch.channels_last)
            x = x.contiguous(memory_format=torch.channels_last)
        if setting == COMPILED:
            net.compile()
        rule = torch.optim.SGD(net.parameters(), 1e-4, 0.9, weight_decay=5e-4, fused=True)
        given = [x]
    else:
        net, given = build_net(spec), [x, At(seed=0, step=0)]
        rule = build_optimizer(list(net.named_parameters()), spec.optim)
        bf16 = resolve_precision(spec) is Precision.bf16
    net.train(kind == "train")

    def work() -> None:
        with torch.set_grad_enabled(net.training), torch.autocast("cpu", enabled=bf16):
            scores = net(*given).float()
        if net.training:
            F.cross_entropy(scores, labels).backward()  # type: ignore[no-untyped-call]
            rule.step()
            rule.zero_grad()

    return timed(len(labels), work)


def _best(name: str, spec: TrainSpec, x: Tensor, labels: Tensor, kind: str) -> str:
    """The setting in which a rival is fastest here; one that does not run is passed over."""
    times: dict[str, float] = {}
    narrow = [NARROW] * (resolve_precision(spec) is Precision.bf16)
    for setting in [PLAIN, LAST, *narrow, *[COMPILED] * (name == "torchvision")]:
        arm = arm_of(name, setting, spec, x, labels, kind)
        with contextlib.suppress(RuntimeError):  # no compiler
            times[setting] = _least(arm, 3)
    return min(times, key=times.__getitem__)


def _least(arm: Arm, times: int) -> float:
    """Seconds of the fastest."""
    return min(seconds for _, seconds in (arm() for _ in range(times)))


def _peak(kind: torch.dtype) -> float:
    """TFLOP/s of a large product of matrices, the best of five."""
    a = torch.randn(GEMM, GEMM).to(kind)
    return 2 * GEMM**3 / 1e12 / _least(timed(1, lambda: a @ a), 5)
