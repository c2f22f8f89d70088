"""The learning rule of section 5: the update, the groups of parameters, the rates by epoch."""

import fnmatch
import math
import re
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import nn
from torch.optim.optimizer import ParamsT

from alexcli.errors import UsageError
from alexcli.schema import GroupSpec, OptimKind, OptimSpec, PlateauSpec, Schedule, ScheduleSpec

_TOWER = re.compile(r"^tower\d+\.")


class PaperSGD(torch.optim.Optimizer):
    """Section 5: v = momentum * v - weight_decay * lr * w - lr * g, then w = w + v.

    The rate is inside the velocity, so after a change of rate the old velocity keeps its old size;
    torch.optim.SGD rescales it at once. `lr` (step per unit of gradient), `weight_decay` and
    `momentum` are floats of each group. A group with lr 0 keeps weights and velocities as they are
    (2012 code: a tensor at rate 0 is not touched); a parameter without gradient is passed over.
    state[p]["velocity"] has the shape and dtype of p. Raises ValueError when lr or weight_decay is
    negative or momentum is outside [0, 1).
    """

    def __init__(
        self, params: ParamsT, lr: float, momentum: float = 0.9, weight_decay: float = 0.0
    ) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})
        for group in self.param_groups:
            for key, limit in (("lr", math.inf), ("weight_decay", math.inf), ("momentum", 1)):
                if not 0 <= group[key] < limit:
                    raise ValueError(f"{key} must be in [0, {limit}), not {group[key]}")

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        """One update; returns the loss of `closure`, which is evaluated first, or None."""
        with torch.enable_grad():
            loss = closure() if closure else None
        for group in self.param_groups:
            if group["lr"] != 0:
                self._update(group)
        return loss

    def _update(self, group: dict[str, Any]) -> None:
        weights = [p for p in group["params"] if p.grad is not None]
        for p in weights:
            if "velocity" not in self.state[p]:
                self.state[p]["velocity"] = torch.zeros_like(p)
        # Torch's fused kernel computes b = momentum * b + (1 - dampening) * (g + weight_decay * w),
        # w = w - lr * b in one pass over memory. With 1 - dampening = -lr of ours, and theirs -1,
        # b is section 5's velocity at any rate.
        keys = {key: group[key] for key in ("weight_decay", "momentum")}
        keys |= {"lr": -1.0, "dampening": 1 + group["lr"], "nesterov": False, "maximize": False}
        for device in {p.device for p in weights}:  # towers may have one each
            here = [p for p in weights if p.device == device]
            velocities = [self.state[p]["velocity"] for p in here]
            # Autograd gives a gradient its weight's strides; the kernel does not check it.
            gradients = [
                p.grad if p.grad.stride() == p.stride() else torch.empty_like(p).copy_(p.grad)
                for p in here
            ]
            if not group["momentum"]:  # the kernel refuses a velocity then
                torch._foreach_mul_(here, 1 - group["lr"] * group["weight_decay"])
                torch._foreach_add_(here, gradients, alpha=-group["lr"])
                continue
            torch._fused_sgd_(here, gradients, velocities, **keys, is_first_step=False)


RULES: dict[OptimKind, Callable[..., torch.optim.Optimizer]] = {
    OptimKind.paper_sgd: PaperSGD,
    OptimKind.sgd: torch.optim.SGD,
    OptimKind.adam: torch.optim.Adam,
}


def schedule_value(
    spec: ScheduleSpec, epoch: int, *, epochs: int, drops: int, factor: float
) -> float:
    """The multiple in `epoch` (counted from 1) of `epochs`.

    `drops` and `factor` (divisor of one drop) belong to `plateau`: base / factor**drops (section
    5). `dexp` goes from base to base / spec.factor in spec.parts equal parts of the run, in equal
    ratios (2012 code #170), and keeps the last value after `epochs`.
    """
    if spec.kind is Schedule.steps:
        past = [first for first in spec.steps if first <= epoch]
        return spec.steps[max(past)] if past else spec.base
    if spec.kind is Schedule.dexp:
        part = min((epoch - 1) * spec.parts // epochs, spec.parts - 1)
        return float(spec.base / spec.factor ** (part / (spec.parts - 1)))
    if spec.kind is Schedule.plateau:
        return float(spec.base / factor**drops)
    return spec.base


def _live_groups(spec: OptimSpec) -> dict[str, GroupSpec]:
    return {name: group for name, group in spec.groups.items() if group is not None}


def _rates(spec: OptimSpec, group: GroupSpec, epoch: int, drops: int) -> dict[str, float]:
    keys: dict[str, Any] = {"epochs": spec.epochs, "drops": drops, "factor": spec.plateau.factor}
    rate, decay = (schedule_value(one, epoch, **keys) for one in (group.rate, group.decay))
    return {"lr": spec.rate * rate, "weight_decay": spec.weight_decay * decay}


def parameter_groups(
    named: Iterable[tuple[str, nn.Parameter]], spec: OptimSpec
) -> list[dict[str, Any]]:
    """Torch's parameter groups with keys params, name, lr, weight_decay and momentum.

    `named` gives names such as `tower0.conv1.weight`; patterns see them without `towerN.`, and the
    last matching group has the parameter. Rates are those of epoch 1. Groups come in the order of
    spec.groups, their parameters in the order of `named`; a group that later ones override entirely
    is absent. Raises UsageError for a parameter without group and for a pattern that matches no
    parameter.
    """
    groups = _live_groups(spec)
    parameters = [(_TOWER.sub("", name), parameter) for name, parameter in named]
    names = list(dict.fromkeys(name for name, _ in parameters))
    owner: dict[str, str] = {}
    for group_name, group in groups.items():
        matched = [name for name in names if fnmatch.fnmatchcase(name, group.pattern)]
        if not matched:
            raise UsageError.of("optim.pattern", group_name=group_name, group=group, names=names)
        owner.update(dict.fromkeys(matched, group_name))
    missing = [name for name in names if name not in owner]
    if missing:
        raise UsageError.of("optim.no_group", missing=missing)
    result: list[dict[str, Any]] = []
    for group_name, group in groups.items():
        members = [parameter for name, parameter in parameters if owner[name] == group_name]
        keys = {"params": members, "name": group_name, "momentum": spec.momentum}
        result.append(keys | _rates(spec, group, epoch=1, drops=0))
    return [group for group in result if group["params"]]


def build_optimizer(
    named: Iterable[tuple[str, nn.Parameter]], spec: OptimSpec
) -> torch.optim.Optimizer:
    """The optimizer of spec.kind with the rates of epoch 1; errors as in `parameter_groups`.

    Decay is L2 for all kinds. Adam has torch's betas and no use for `momentum`.
    """
    return RULES[spec.kind](parameter_groups(named, spec), lr=spec.rate)


def set_epoch(optimizer: torch.optim.Optimizer, spec: OptimSpec, epoch: int, drops: int) -> None:
    """Write the rate and decay of `epoch` (from 1) after `drops` plateaus into every group.

    Raises UsageError when the optimizer has a group that spec.groups lacks (a changed config).
    """
    groups = _live_groups(spec)
    for target in optimizer.param_groups:
        if target["name"] not in groups:
            raise UsageError.of("optim.lost_group", target=target["name"], groups=groups)
        target.update(_rates(spec, groups[target["name"]], epoch, drops))


def uses_plateau(spec: OptimSpec) -> bool:
    """Whether the rate or the decay of any group follows the validation error."""
    schedules = [s for group in _live_groups(spec).values() for s in (group.rate, group.decay)]
    return any(schedule.kind is Schedule.plateau for schedule in schedules)


class DivideOnPlateau:
    """Section 5: divide when the validation error stops improving, `times` times, then stop.

    `drops` is the number of divisions so far, `best` the lowest error (a fraction; inf before the
    first epoch), `waited` the epochs since then or since the last drop. `finished` is set at the
    plateau after the last one and stays. The state is plain numbers, so that a resumed run goes on
    as if never stopped.
    """

    def __init__(self, spec: PlateauSpec) -> None:
        self.spec = spec
        self.drops, self.finished = 0, False
        self.best, self.waited = math.inf, 0

    def update(self, error: float) -> None:
        """Take the validation error (a fraction) after an epoch; a NaN is no improvement.

        An error is better when it is below the last better one by more than `min_delta`. After a
        drop that best is kept and the count of epochs starts again.
        """
        self.waited += 1
        if error < self.best - self.spec.min_delta:
            self.best, self.waited = float(error), 0
        elif self.waited >= self.spec.patience and self.drops < self.spec.times:
            self.drops, self.waited = self.drops + 1, 0
        elif self.waited >= self.spec.patience:
            self.finished = True

    def state_dict(self) -> dict[str, float | int | bool]:
        """`drops`, `finished`, `best` (a fraction; inf before the first epoch) and `waited`."""
        return {name: value for name, value in vars(self).items() if name != "spec"}

    def load_state_dict(self, state: dict[str, float | int | bool]) -> None:
        """Go on from `state_dict`; KeyError when a key is missing."""
        vars(self).update({name: state[name] for name in self.state_dict()})
