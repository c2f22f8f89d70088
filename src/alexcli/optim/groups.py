"""Groups of parameters, each with its own learning rate and weight decay, and their optimizer."""

import fnmatch
import re
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import nn

from alexcli.errors import UsageError
from alexcli.optim.paper_sgd import PaperSGD
from alexcli.optim.schedules import RunPosition, active_groups, schedule_value
from alexcli.schema import GroupSpec, OptimKind, OptimSpec

TOWER_PREFIX = re.compile(r"^tower\d+\.")

OPTIMIZERS: dict[OptimKind, type[torch.optim.Optimizer]] = {
    OptimKind.paper_sgd: PaperSGD,
    OptimKind.sgd: torch.optim.SGD,
    OptimKind.adam: torch.optim.Adam,
}


USUAL_LR: dict[OptimKind, float] = {
    OptimKind.paper_sgd: 0.01,  # section 5
    OptimKind.sgd: 0.01,  # the same rule as long as the learning rate is constant
    OptimKind.adam: 0.001,  # Kingma and Ba 2015, section 6, and torch's default
}
"""The usual learning rate of each update rule."""
TIMES_TOO_HIGH = 5
"""A warning is given for a rate of at least this many times the usual one."""


def settings_warnings(spec: OptimSpec) -> list[str]:
    """Warnings about settings that do not suit the update rule.

    Args:
        spec: the learning rule.

    Returns:
        Sentences; none if the settings suit the rule.
    """
    name = spec.kind.name
    usual = USUAL_LR[spec.kind]
    sentences = []
    if spec.lr >= TIMES_TOO_HIGH * usual:
        sentences.append(
            f"optim.kind={name} with optim.lr={spec.lr:g}: {name} is usually given {usual:g} "
            f"(optim.lr={usual:g})"
        )
    if spec.kind is OptimKind.adam and spec.momentum not in (0.0, OptimSpec().momentum):
        sentences.append(f"optim.momentum={spec.momentum:g} has no effect on optim.kind={name}")
    return sentences


def parameter_groups(
    named_parameters: Iterable[tuple[str, nn.Parameter]], spec: OptimSpec
) -> list[dict[str, Any]]:
    """Divide the parameters of a net into the groups of its learning rule.

    Args:
        named_parameters: name and parameter, such as `tower0.conv1.weight`. Patterns match the
            name without `towerN.`, so that towers share their groups.
        spec: the learning rule.

    Returns:
        torch's parameter groups with the keys params, name, momentum, lr and weight_decay, the last
        two with their values at the start of a run. Groups are in the order of `spec.groups`, their
        parameters in the order of `named_parameters`. A group that later ones override entirely is
        absent.

    Raises:
        UsageError: a parameter belongs to no group, or a pattern matches no parameter.
    """
    groups = active_groups(spec)
    parameters = [(TOWER_PREFIX.sub("", name), parameter) for name, parameter in named_parameters]
    names = list(dict.fromkeys(name for name, _ in parameters))
    group_of = _assign_groups(names, groups)
    start = RunPosition(step=0, steps_per_epoch=1, epochs=spec.epochs)

    result: list[dict[str, Any]] = []
    for group_name, group in groups.items():
        members = [parameter for name, parameter in parameters if group_of[name] == group_name]
        if not members:
            continue
        result.append(
            {
                "params": members,
                "name": group_name,
                "momentum": spec.momentum,
                **_scheduled_settings(spec, group, start),
            }
        )
    return result


def build_optimizer(
    named_parameters: Iterable[tuple[str, nn.Parameter]], spec: OptimSpec
) -> torch.optim.Optimizer:
    """The optimizer that `spec.kind` names, with the initial learning rates.

    Weight decay is an L2 penalty for every kind. Adam has torch's betas and ignores `momentum`.

    Args:
        named_parameters: as for `parameter_groups`.
        spec: the learning rule.

    Raises:
        UsageError: a parameter belongs to no group, or a pattern matches no parameter.
    """
    optimizer_class: Any = OPTIMIZERS[spec.kind]
    optimizer: torch.optim.Optimizer = optimizer_class(
        parameter_groups(named_parameters, spec), lr=spec.lr
    )
    return optimizer


def apply_schedules(
    optimizer: torch.optim.Optimizer, spec: OptimSpec, position: RunPosition
) -> None:
    """Set the learning rate and the weight decay of every group for the next update.

    Args:
        optimizer: as `build_optimizer` made it.
        spec: the learning rule.
        position: position of the next update in the run.

    Raises:
        UsageError: the optimizer has a group that `spec.groups` lacks, as after resuming with
            another configuration.
    """
    groups = active_groups(spec)
    for parameter_group in optimizer.param_groups:
        name = parameter_group["name"]
        if name not in groups:
            raise UsageError(
                f"the optimizer has a group '{name}' that optim.groups lacks",
                hint=f"optim.groups has {', '.join(groups)}",
            )
        parameter_group.update(_scheduled_settings(spec, groups[name], position))


def _assign_groups(names: list[str], groups: Mapping[str, GroupSpec]) -> dict[str, str]:
    """The group of each parameter: the last one whose pattern matches its name.

    Raises:
        UsageError: a parameter belongs to no group, or a pattern matches no parameter.
    """
    group_of: dict[str, str] = {}
    for group_name, group in groups.items():
        matched = [name for name in names if fnmatch.fnmatchcase(name, group.pattern)]
        if not matched:
            raise UsageError(
                f"optim.groups.{group_name}.pattern '{group.pattern}' matches no parameter",
                hint=f"the parameters are {', '.join(names)}; set the group to null to remove it",
            )
        group_of.update(dict.fromkeys(matched, group_name))
    missing = [name for name in names if name not in group_of]
    if missing:
        raise UsageError(
            f"no group of optim.groups matches {', '.join(missing)}",
            hint="add a group with pattern '*' before the others",
        )
    return group_of


def _scheduled_settings(
    spec: OptimSpec, group: GroupSpec, position: RunPosition
) -> dict[str, float]:
    """`lr` and `weight_decay` of a group for the update at this position."""
    return {
        "lr": spec.lr * schedule_value(group.lr, position),
        "weight_decay": spec.weight_decay * schedule_value(group.weight_decay, position),
    }
